package responses

import (
	"bytes"

	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

const contentTypeJSON = "application/json"

// JSONResponse answers with Content encoded as JSON.
//
// The encoding is that of encoding/json, with <, > and & escaped so that it may
// be put into an HTML page. Nothing is sent where Content cannot be encoded:
// the client gets a 500 problem.
type JSONResponse[Content any, Background background.Work] struct {
	Content    Content
	Background Background // runs after the response; nil for none
	Status     int        // 0 means the route's success status
	Header     Header
}

// ContentResponse answers with Content encoded as JSON, with a status and a
// header, and with background work of any kind or none. It is the
// [JSONResponse] of those who need not say what their work is.
type ContentResponse[Content any] = JSONResponse[Content, background.Work]

// Content returns a response of content. A handler that sets neither status,
// nor header, nor background work can return the content as it is.
func Content[T any](content T) ContentResponse[T] {
	return ContentResponse[T]{Content: content}
}

// JSON returns a response of content which starts background once it has been
// sent. A nil of the type of background is no work, and the nil of
// JSON(content, nil), which has no type, does not compile: use [Content].
func JSON[Content any, Background background.Work](content Content, background Background) JSONResponse[Content, Background] {
	return JSONResponse[Content, Background]{Content: content, Background: background}
}

// JSONStatus returns a response of content with a status of its own, and
// without background work.
func JSONStatus[T any](status int, content T) ContentResponse[T] {
	return ContentResponse[T]{Content: content, Status: status}
}

// Write implements [Response].
func (r JSONResponse[Content, Background]) Write(raw *fasthttp.RequestCtx) error {
	return writeJSON(&raw.Response, &head{status: r.Status, contentType: contentTypeJSON, header: r.Header}, r.Content)
}

// writeInPlace is Write without a copy of the response; see [InPlace].
func (r *JSONResponse[Content, Background]) writeInPlace(raw *fasthttp.RequestCtx) error {
	return writeJSON(&raw.Response, &head{status: r.Status, contentType: contentTypeJSON, header: r.Header}, &r.Content)
}

// Work implements [Response].
func (r JSONResponse[Content, Background]) Work() background.Work {
	return attached(r.Background)
}

// WriteJSON writes content as JSON on raw.Response and leaves its status. After
// an error raw.Response is as it was before.
func WriteJSON(raw *fasthttp.RequestCtx, content any) error {
	return writeJSON(&raw.Response, &head{contentType: contentTypeJSON}, content)
}

func writeJSON(response *fasthttp.Response, h *head, content any) error {
	if err := h.check(); err != nil {
		return err
	}
	if err := encodeBody(response, content); err != nil {
		return err
	}
	h.apply(response)
	return nil
}

// encode returns content encoded as in a response.
func encode(content any) ([]byte, error) { return json.Marshal(content) }

// encodeBody makes content, encoded, the body of response. It is the seam to the
// JSON library.
//
// The library encodes into a buffer of its own and calls Write once, with all
// of it, and not at all after an error. From there one copy leads into the body,
// whose buffer fasthttp reuses. The encoder lies on the stack, to which
// TestWriteJSONAllocatesNothing holds it, so no pool of encoders is needed.
// json.Marshal and json.MarshalOf allocate the body, and are slower where it is
// large, at 100 kB by 20 and 10 % (EPYC, Go 1.26.8).
func encodeBody(response *fasthttp.Response, content any) error {
	return json.NewEncoder(bodyWriter{response}).Encode(content)
}

// bodyWriter takes the encoded content as the body of a response. It has the
// size of a pointer, so that it is an interface without allocation.
type bodyWriter struct{ response *fasthttp.Response }

// largeBody is the size in bytes from which a body is not kept in the buffer
// that fasthttp reuses with the connection, which would stay that large.
const largeBody = 64 << 10

// Write takes the encoded content, which ends in a newline that is not sent.
func (w bodyWriter) Write(encoded []byte) (int, error) {
	body := encoded[:len(encoded)-1]
	if len(body) < largeBody {
		w.response.SetBody(body)
	} else {
		w.response.SetBodyRaw(bytes.Clone(body))
	}
	return len(encoded), nil
}
