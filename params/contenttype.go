package params

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// isEncoded reports whether a body has a Content-Encoding other than identity.
// Identity means none: clients should not send it (RFC 9110, 8.4.1), but some do.
func isEncoded(header *fasthttp.RequestHeader) bool {
	encoding := header.ContentEncoding()
	return len(encoding) > 0 && !strings.EqualFold(memory.Text(bytes.TrimSpace(encoding)), "identity")
}

// hasMediaType reports whether a Content-Type field names the media type,
// whatever its parameters and case.
func hasMediaType(contentType []byte, mediaType string) bool {
	if i := bytes.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	return strings.EqualFold(memory.Text(bytes.TrimSpace(contentType)), mediaType)
}

// isJSONType reports whether a Content-Type field says application/json or a
// type with the suffix +json (RFC 6839).
func isJSONType(contentType []byte) bool {
	if string(contentType) == "application/json" || hasMediaType(contentType, "application/json") {
		return true
	}
	mediaType, _, _ := bytes.Cut(contentType, []byte(";"))
	const suffix = "+json"
	mediaType = bytes.TrimSpace(mediaType)
	return len(mediaType) > len(suffix) && strings.EqualFold(memory.Text(mediaType[len(mediaType)-len(suffix):]), suffix)
}

const (
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
)

var errContentEncoding = &Error{
	Status: fasthttp.StatusUnsupportedMediaType,
	Detail: "the body is compressed, which is not supported: send it without Content-Encoding",
}
