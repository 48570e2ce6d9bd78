// Package conform tests whether a service does what its OpenAPI document says.
//
//	func TestConforms(t *testing.T) {
//		conform.Test(t, newShop(), conform.Options{})
//	}
//
// It reads the document, draws requests for each operation, sends them, and judges the
// answers. Requests are drawn in four modes:
//
//   - valid: all that the document asks for is there, and keeps its schema
//   - missing: one thing that is required is left out: a parameter, a field of a form, a
//     member of a JSON body at any depth, or the body
//   - mistyped: one value is of another type
//   - bounds: one value breaks a bound, a length, a pattern, a format, or is none of those
//     that may be chosen
//
// Of each answer the status and the content type have to be documented, and JSON has to be
// valid by its schema. 500 is a fault in any case, and another status from 501 on unless it
// is documented, as 503 may be. A valid request must not be answered 400, 415 or 422, and a
// broken one must be with some status from 400 to 499.
//
// A fault is reported with the request as a command for curl, the answer, what is wrong, and
// the place in the document. The request is the smallest that was found: package
// pgregory.net/rapid draws and shrinks them. Its flags hold here, too: -rapid.seed draws the
// same requests again, and what has failed is kept below testdata/rapid and tried first the
// next time.
//
// # What is let pass
//
// A rule that a schema has no keyword for stands in x-validate. A valid request that is
// refused with 422 by such rules alone is no fault, and neither is one that is refused by an
// operation of [Options].Lenient; the log says how often it happened.
// Values are not broken where the codec of this framework is known to be lenient: null for
// an absent value, lists of another length for an array of Go, numbers in strings.
//
// Of a parameter in the path, a broken value may be answered 404 or 405, which no operation
// documents: no route has that path then.
package conform
