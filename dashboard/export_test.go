package dashboard

import (
	"context"

	"github.com/velithon-go/velithon/routing"
)

// What tests call.
var (
	Took   = took
	Ago    = ago
	Number = numberOf
	Clean  = clean
	Cut    = cut
)

// pageOf returns the page of a router.
func pageOf(r *routing.Router) *page {
	for _, rt := range r.Routes() {
		if p, ok := rt.Annotation(marked{}).(*page); ok {
			return p
		}
	}
	return nil
}

// Samples returns how many samples the page of a router keeps.
func Samples(r *routing.Router) int {
	h := &pageOf(r).history
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.samples)
}

// Views returns how many views the page of a router keeps.
func Views(r *routing.Router) int {
	v := &pageOf(r).views
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.all)
}

// Forget has the page of a router make all anew.
func Forget(r *routing.Router) { pageOf(r).views.forget() }

// NewForms returns what makes the tokens of forms, and what uses them up.
func NewForms() (token func(Act, string) string, redeem func(string, Act, string) error, used func() int) {
	f := new(forms)
	f.init(nil)
	return f.token, f.redeem, func() int { return len(f.used) }
}

// NewViews returns what makes views.
func NewViews() func(context.Context, string, func(context.Context) (any, error)) (any, error) {
	return new(views).get
}
