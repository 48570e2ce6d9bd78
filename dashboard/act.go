package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/velithon-go/velithon/responses"
)

// act does what a form asks for, and leads back to where its effect is seen.
func (p *page) act(ctx context.Context, in form, who string) (responses.Response, error) {
	act, err := ofForm(&in)
	if err == nil {
		err = p.forms.redeem(in.Token, act, who)
	}
	if err != nil {
		p.logAct(ctx, act, who, err)
		return p.refusal(ctx, 403, "Nothing was done", err.Error())
	}
	_, err = within(ctx, func(ctx context.Context) (any, error) { return nil, p.control.Do(ctx, act) })
	p.logAct(ctx, act, who, err)
	p.views.forget()
	refused, isRefused := errors.AsType[*ActError](err)
	switch {
	case err == nil:
	case errors.Is(err, ErrNoTask):
		return p.refusal(ctx, 404, "Nothing was done", "There is no such task, or it ended too long ago.")
	case isRefused:
		return p.refusal(ctx, 409, "Nothing was done", refused.Why)
	default:
		return nil, err
	}
	back := "task?" + url.Values{"id": {act.ID}, "done": {in.Verb}}.Encode()
	if act.ID == "" {
		back = "tasks?" + url.Values{"kind": {act.Kind}, "done": {in.Verb}}.Encode()
	}
	return responses.RedirectResponse{URL: back, Status: 303, Header: p.header()}, nil
}

// logAct tells the log who did what.
func (p *page) logAct(ctx context.Context, act Act, who string, err error) {
	attrs := []slog.Attr{slog.String("act", clean(string(act.Verb), maxName)), slog.String("by", clean(who, maxName))}
	if act.ID != "" {
		attrs = append(attrs, slog.String("id", clean(act.ID, maxName)))
	}
	if act.Kind != "" {
		attrs = append(attrs, slog.String("kind", clean(act.Kind, maxName)))
	}
	if err != nil {
		p.log(ctx, slog.LevelWarn, "an act on background work was refused", append(attrs, slog.Any("error", err))...)
		return
	}
	p.log(ctx, slog.LevelInfo, "an act on background work", attrs...)
}
