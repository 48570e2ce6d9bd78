// Package responses is what a handler can return, and how that is written.
//
// A handler that returns content of its own is answered with JSON. For all else
// it returns one of the types here, each a plain struct with a short
// constructor: [JSON] with background work, [Content] with a header, [Text],
// [HTML], [Bytes], [File], [Redirect], [NoContent], [Stream], [EventStream], and
// [Feed.Stream] for events that many follow.
//
//	func export(ctx context.Context, in Export) (*responses.StreamResponse, error) {
//		if in.Year < 2000 {
//			return nil, responses.NewProblem(404, "no records of that year")
//		}
//		return responses.Stream("text/csv", func(w *responses.StreamWriter) error {
//			return store.WriteCSV(ctx, w, in.Year)
//		}), nil
//	}
//
// Errors are answered as problems (RFC 9457): [NewProblem] makes one for the
// client to read, and [ProblemFor] turns any error into one, without telling
// more of it than the error wants told.
//
// Every kind has a Header, whose fields are checked so that no value can add a
// line of its own, and a Background, the work that starts once the response has
// been sent. A response that cannot be written leaves nothing behind, so that
// the router can write a problem in its place.
//
// The structs are used by one request each, the *[Problem] excepted, which many
// requests may return at once.
package responses
