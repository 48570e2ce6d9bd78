package middleware

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"
)

// smallest is from how many bytes on a body is compressed: below that it is one packet
// in any case.
const smallest = 1024

var (
	hAcceptEncoding = []byte("Accept-Encoding")
	hAcceptRanges   = []byte("Accept-Ranges")
	hCacheControl   = []byte("Cache-Control")
	hETag           = []byte("Etag")
)

// codings are those of fasthttp that are left as they are by no proxy, the smallest first.
// Each handler compresses what is in the response already.
var codings = []struct {
	name     []byte
	compress fasthttp.RequestHandler
}{
	{[]byte("br"), fasthttp.CompressHandlerBrotliLevel(done, fasthttp.CompressBrotliDefaultCompression, fasthttp.CompressDefaultCompression)},
	{[]byte("zstd"), fasthttp.CompressHandlerLevel(done, fasthttp.CompressZstdDefault)},
	{[]byte("gzip"), fasthttp.CompressHandlerLevel(done, fasthttp.CompressDefaultCompression)},
}

func done(*fasthttp.RequestCtx) {}

// Compress compresses what the client takes compressed, by Brotli, Zstandard or gzip: texts,
// JSON and the like of at least 1,024 bytes, and streams of these, each part of which is sent
// at once, so that events arrive as without. It belongs outside of what changes bodies, and
// inside of an access log, which then has no bytes for streams.
//
// Left as they are: parts of a file (206), what has a Content-Encoding, and what forbids it by
// Cache-Control: no-transform. The ETag of what is compressed becomes a weak one, and the
// client is not told that it may ask for parts. Where a type is compressed for some, all
// have Vary: Accept-Encoding.
//
// What a page of an attacker can have a browser send, and can see the length of, must not be
// compressed together with a secret, such as a token against CSRF (the attack is called
// BREACH): give such answers no-transform, or give Compress to the groups without any.
func Compress(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		next(raw)
		if raw.LastTimeoutErrorResponse() != nil || raw.Hijacked() {
			return // what was answered is short, and raw is another's
		}
		compress(raw)
	}
}

func compress(raw *fasthttp.RequestCtx) {
	response := &raw.Response
	isUnchanged := response.StatusCode() == fasthttp.StatusNotModified
	if !isUnchanged && (!mayBeCompressed(response) || !response.IsBodyStream() && len(response.Body()) < smallest) {
		return
	}
	accepted := bytes.Join(raw.Request.Header.PeekAll("Accept-Encoding"), []byte(","))
	i := choose(accepted)
	if i < 0 {
		vary(&response.Header, hAcceptEncoding)
		return
	}
	if tag := response.Header.PeekCanonical(hETag); bytes.HasPrefix(tag, []byte(`"`)) {
		weak := append([]byte("W/"), tag...)
		// The tag of an answer without content is that of what the client has, and whether
		// that was compressed only the client knows.
		if !isUnchanged || bytes.Contains(bytes.Join(raw.Request.Header.PeekAll("If-None-Match"), nil), weak) {
			response.Header.SetCanonical(hETag, weak)
		}
	}
	if isUnchanged {
		vary(&response.Header, hAcceptEncoding)
		return
	}
	response.Header.DelBytes(hAcceptRanges)
	// fasthttp's asks the request which coding to use, and does not weigh them. It adds Vary.
	raw.Request.Header.SetCanonical(hAcceptEncoding, codings[i].name)
	codings[i].compress(raw)
	raw.Request.Header.SetCanonical(hAcceptEncoding, accepted)
}

// mayBeCompressed reports whether a response is of a kind that is compressed for somebody.
func mayBeCompressed(response *fasthttp.Response) bool {
	header := &response.Header
	return isCompressible(header.ContentType()) && response.StatusCode() != fasthttp.StatusPartialContent &&
		len(header.ContentEncoding()) == 0 &&
		!bytes.Contains(bytes.ToLower(header.PeekCanonical(hCacheControl)), []byte("no-transform"))
}

// isCompressible reports whether content of a type gets smaller.
func isCompressible(contentType []byte) bool {
	kind, _, _ := bytes.Cut(contentType, []byte(";"))
	switch kind = bytes.TrimSpace(kind); string(kind) { // in lower case, as fasthttp wants it
	case "application/json", "application/javascript", "application/xml", "application/wasm", "application/x-ndjson", "application/yaml", "image/svg+xml":
		return true
	}
	return bytes.HasPrefix(kind, []byte("text/")) ||
		bytes.HasPrefix(kind, []byte("application/")) && (bytes.HasSuffix(kind, []byte("+json")) || bytes.HasSuffix(kind, []byte("+xml")))
}

// choose returns the coding that a client likes best (RFC 9110, section 12.5.3), and of
// those that it likes the same the first; -1 for none, which is also for what it would
// rather have as it is.
func choose(accepted []byte) int {
	weights := [3]float64{-1, -1, -1}
	anyOther, identity := 0.0, -1.0
	for member := range bytes.SplitSeq(accepted, []byte(",")) {
		name, parameters, _ := bytes.Cut(member, []byte(";"))
		name = bytes.TrimSpace(name)
		q := weight(parameters)
		switch {
		case string(name) == "*":
			anyOther = q
		case bytes.EqualFold(name, []byte("identity")):
			identity = q
		}
		for i := range codings {
			if bytes.EqualFold(name, codings[i].name) {
				weights[i] = q
			}
		}
	}
	best, most := -1, 0.0
	for i, q := range weights {
		if q < 0 {
			q = anyOther
		}
		if q > most && q >= identity {
			best, most = i, q
		}
	}
	return best
}

// weight returns the q among parameters: 1 without one, and 0 for what is none.
func weight(parameters []byte) float64 {
	for parameter := range bytes.SplitSeq(parameters, []byte(";")) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(parameter), []byte("="))
		if !bytes.EqualFold(bytes.TrimSpace(name), []byte("q")) {
			continue
		}
		q, err := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
		if err != nil || q < 0 || q > 1 {
			return 0
		}
		return q
	}
	return 1
}
