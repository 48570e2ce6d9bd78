package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// act does what a form asks for, and leads back to where its effect is seen.
func (p *page) act(ctx context.Context, in form, who string) (responses.Response, error) {
	act, err := ofForm(&in)
	if _, known := labels[act.Verb]; err == nil && !known {
		err = errForged
	}
	if err == nil {
		err = checkOrigin(ctx)
	}
	if err == nil {
		err = p.forms.redeem(in.Token, act, who)
	}
	if err != nil {
		p.logAct(ctx, act, who, err)
		return p.refusal(403, "Nothing was done", err.Error(), back(act))
	}
	act.By = clean(who, maxName)
	_, err = within(ctx, func(ctx context.Context) (any, error) { return nil, p.control.Do(ctx, act) })
	p.logAct(ctx, act, who, err)
	p.views.forget()
	refused, isRefused := errors.AsType[*ActError](err)
	switch {
	case err == nil:
	case errors.Is(err, ErrNoTask):
		return p.refusal(404, "Nothing was done", "there is no such task, or it ended too long ago", "")
	case isRefused:
		return p.refusal(409, "Nothing was done", refused.Why, back(act))
	default:
		return nil, err
	}
	told := url.Values{"done": {in.Verb}, "token": {p.forms.token(doneAct(act), who)}}
	return responses.RedirectResponse{URL: back(act) + "&" + told.Encode(), Status: 303, Header: p.header()}, nil
}

// back returns the address of what an act is for; "" if that is nothing.
func back(act Act) string {
	switch {
	case act.ID != "":
		return "task?" + url.Values{"id": {act.ID}}.Encode()
	case act.Kind != "":
		return "tasks?" + url.Values{"kind": {act.Kind}}.Encode()
	}
	return ""
}

// done says what an act has done.
var done = map[Verb]string{
	Cancel:   "The task was told to end.",
	RetryNow: "The task waits for its time no longer.",
	Discard:  "The task will not run.",
	Pause:    "The kind is paused: none of its tasks starts.",
	Resume:   "The kind goes on.",
}

// doneAct is what a page says was done just now. The token for it is good once, so that
// neither a link nor a page that is loaded again says what is not so.
func doneAct(act Act) Act { return Act{Verb: "done " + act.Verb, ID: act.ID, Kind: act.Kind} }

// doneText says what the act has done that has led to a page; "" if none has.
func (p *page) doneText(in *input, who string) string {
	verb := Verb(in.Done)
	if verb == "" || p.forms.redeem(in.Token, doneAct(Act{Verb: verb, ID: in.ID, Kind: in.Kind}), who) != nil {
		return ""
	}
	return done[verb]
}

var errCrossOrigin = errors.New("a page of another origin has sent this form")

// checkOrigin refuses what pages of others have a browser send. It is not left to middleware,
// so that the log has who was made to send it.
func checkOrigin(ctx context.Context) error {
	raw, err := routing.RequestCtx(ctx)
	if err == nil && !(middleware.Origins{}).Allow(raw) {
		err = errCrossOrigin
	}
	return err
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
