package params

// A Source is the part of a request that a value comes from. Its text is also
// the key of the struct tag.
type Source string

// The sources.
const (
	Path   Source = "path"   // a parameter of the route's pattern, percent-decoded once
	Query  Source = "query"  // the query string
	Header Source = "header" // a header field; its name is case-insensitive
	Cookie Source = "cookie" // a cookie
	Form   Source = "form"   // a urlencoded or multipart body
	Body   Source = "body"   // a JSON body
)
