package serve

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// What fasthttp takes and RFC 9112 does not is refused here, before any
// middleware, and its connection closed: what such a message means, and where
// it ends, is not the same to everybody, and a proxy in front may think
// otherwise. What fasthttp leaves no trace of can't be: docs/security.md has
// the list.

// isPlain reports whether a request has nothing that malformed has to look at.
// Every request pays for it, so it compares a few lengths and reads no text but
// the last bytes of the header.
func isPlain(raw *fasthttp.RequestCtx) bool {
	h, uri := &raw.Request.Header, raw.URI()
	length := h.ContentLength() // -1 in chunks, -2 for a GET without a body, 0 for a POST without one
	return h.IsHTTP11() &&
		(length > 0 || length == -2 || len(h.RawHeaders()) == 0) && // without fields there is nothing to contradict itself
		!h.ConnectionClose() && // fasthttp sets it where there are a length and a transfer coding
		len(h.PeekTrailerKeys()) == 0 &&
		endsWithEmptyLine(h.RawHeaders()) &&
		isPathAndQuery(h.RequestURI(), uri.PathOriginal(), uri.QueryString()) &&
		isPlainPath(uri) &&
		len(h.Host()) == len(uri.Host())
}

// endsWithEmptyLine reports whether a header ends with CRLF CRLF. fasthttp also
// takes an empty line with LF alone, if one with CRLF is anywhere in what it has
// read: in the body, or in the next request. A header without any field, or of
// a request that did not come from a connection, is empty.
func endsWithEmptyLine(header []byte) bool {
	n := len(header)
	return n == 0 || n >= 4 && string(header[n-4:]) == "\r\n\r\n"
}

// isPathAndQuery reports whether a target is a path and a query, and nothing
// else: fasthttp cuts off a fragment, and the first segment of "//a/b?c://d",
// which it takes for a host.
func isPathAndQuery(target, path, query []byte) bool {
	rest := len(target) - len(path)
	return target[0] == '/' && (rest == 0 || rest == 1+len(query) && target[len(path)] == '?')
}

// maxTrailers is how many trailers a request may have or announce. Dropping them
// takes each of them through all fields, which costs a hundred times as much as
// reading them when a header is made of nothing else; and few requests have any.
const maxTrailers = 64

// malformed returns what is wrong with the message of a request that is not
// plain, and nil when it is well-formed all the same.
func malformed(raw *fasthttp.RequestCtx) *responses.Problem {
	h := &raw.Request.Header
	if len(h.PeekTrailerKeys()) > maxTrailers {
		return responses.NewProblem(fasthttp.StatusRequestHeaderFieldsTooLarge, "the request has too many trailers")
	}
	var detail string
	switch {
	case !h.IsHTTP11() && string(h.Protocol()) != "HTTP/1.0":
		detail = "the version is neither HTTP/1.1 nor HTTP/1.0"
	case !endsWithEmptyLine(h.RawHeaders()):
		detail = "the header does not end with an empty line of CRLF"
	case !isTarget(raw):
		detail = "the request target is malformed"
	case bytes.IndexByte(h.Host(), '@') >= 0:
		detail = "the field Host is malformed"
	case !isFramed(h.RawHeaders()):
		detail = "the fields Transfer-Encoding and Content-Length leave it open where the body ends"
	default:
		if detail = pathFault(raw.URI()); detail == "" {
			return nil
		}
	}
	return responses.NewProblem(fasthttp.StatusBadRequest, detail)
}

// isTarget reports whether a target has one of the forms of RFC 9112, section
// 3.2. fasthttp has seen to what remains.
func isTarget(raw *fasthttp.RequestCtx) bool {
	target, uri := raw.Request.Header.RequestURI(), raw.URI()
	if target[0] == '/' {
		return isPathAndQuery(target, uri.PathOriginal(), uri.QueryString())
	}
	if bytes.IndexByte(target, '#') >= 0 {
		return false
	}
	_, rest, isAbsolute := bytes.Cut(target, []byte("://"))
	if !isAbsolute {
		return true // an asterisk, or the authority of a CONNECT
	}
	if end := bytes.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return len(rest) > 0 && bytes.IndexByte(rest, '@') < 0
}

// isFramed reports whether a header says in one way only where the body ends.
// fasthttp would go by the coding where there is a length besides, and drop the
// coding identity without a trace. A header with a coding has to be one on whose
// lines everybody agrees, too.
func isFramed(header []byte) bool {
	coded, measured, strict := false, false, true
	for line := range bytes.SplitAfterSeq(header, []byte("\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte(fasthttp.HeaderTransferEncoding)):
			if !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
				return false
			}
			coded = true
		case bytes.EqualFold(name, []byte(fasthttp.HeaderContentLength)):
			measured = true
		}
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t' || !bytes.HasSuffix(line, []byte("\r\n"))) {
			strict = false
		}
	}
	return !coded || !measured && strict
}

// dropTrailers takes the fields away that came after a body in chunks. fasthttp
// has them among those of the header, where a client could set what only the
// proxy in front may: it strips the header, and passes trailers on. RFC 9110,
// section 6.5.1, forbids the mixture.
func dropTrailers(h *fasthttp.RequestHeader) {
	names := h.PeekTrailerKeys()
	if len(names) == 0 {
		return
	}
	isTrailer := make(map[string]bool, len(names))
	for _, name := range names {
		isTrailer[string(name)] = true
	}
	type field struct{ name, value []byte }
	var inHeader []field
	for name, value := range h.AllInOrder() { // reads the text of the header, which does not change
		if isTrailer[string(name)] {
			inHeader = append(inHeader, field{name, value})
		}
	}
	for _, name := range names {
		h.DelBytes(name)
	}
	for _, f := range inHeader {
		h.AddBytesKV(f.name, f.value)
	}
}
