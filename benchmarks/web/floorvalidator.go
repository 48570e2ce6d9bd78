package web

import (
	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"
)

// newFloorValidator is the floor with the rules in tags, judged by
// go-playground/validator.
func newFloorValidator(shop *Shop) Server {
	h := &floor{shop: shop}
	validate := newValidator()
	h.read = func(ctx *fasthttp.RequestCtx) (Placement, *Order, bool) {
		query := ctx.QueryArgs()
		p := Placement{Source: string(query.Peek("source"))}
		p.Priority, _ = query.GetUint("priority") // negative without one, which the rules refuse
		o := new(Order)
		if err := json.Unmarshal(ctx.PostBody(), o); err != nil {
			ctx.Error("the body is not an order", fasthttp.StatusBadRequest)
			return p, nil, false
		}
		queryErr, bodyErr := validate.Struct(&p), validate.Struct(o)
		if queryErr == nil && bodyErr == nil {
			return p, o, true
		}
		faults, ok := faultsOf(queryErr, bodyErr)
		if !ok {
			ctx.Error("the rules can't be applied", fasthttp.StatusInternalServerError)
			return p, nil, false
		}
		answer(ctx, fasthttp.StatusUnprocessableEntity, faults)
		return p, nil, false
	}
	return h.server()
}
