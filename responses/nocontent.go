package responses

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// NoContentResponse answers without body and without content type.
type NoContentResponse struct {
	Status     int // 204, 205 or 304; 0 means 204
	Header     Header
	Background background.Work // runs after the response; nil for none
}

// NoContent returns a response of status 204.
func NoContent() NoContentResponse { return NoContentResponse{} }

// Write implements [Response].
func (r NoContentResponse) Write(raw *fasthttp.RequestCtx) error {
	status := r.Status
	switch status {
	case 0:
		status = fasthttp.StatusNoContent
	case fasthttp.StatusNoContent, fasthttp.StatusResetContent, fasthttp.StatusNotModified:
	default:
		return fmt.Errorf("responses: status %d is not one of a response without content", status)
	}
	h := head{status: status, header: r.Header}
	return h.writeAlone(&raw.Response)
}

// Work implements [Response].
func (r NoContentResponse) Work() background.Work { return attached(r.Background) }
