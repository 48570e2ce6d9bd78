package velithon_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/routing"
)

type everySource struct {
	Path    string         `path:"p"`
	Query   string         `query:"q"`
	List    []string       `query:"l"`
	Pointer *string        `query:"ptr"`
	Header  string         `header:"X-Text"`
	Cookie  string         `cookie:"c"`
	Body    map[string]any `body:""`
}

type userKey struct{}

// keepUser is a middleware that leaves a value for the handler.
func keepUser(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		raw.SetUserValue(userKey{}, string(raw.Request.Header.Peek("X-Text")))
		next(raw)
	}
}

// What a handler was given stays as it is, whatever comes later on the same
// connections: raw fasthttp would overwrite it.
func TestNothingGivenToAHandlerChangesLater(t *testing.T) {
	const requests = 1000 // at the same time
	type kept struct {
		in  everySource
		ctx context.Context
	}
	var mu sync.Mutex // guards all
	var all []kept
	together := [2]chan struct{}{make(chan struct{}), make(chan struct{})} // closed when all requests of a storm are in their handlers

	app := velithon.New(velithon.Options{Logger: quiet})
	app.Use(keepUser)
	app.Post("/keep/{p}", func(ctx context.Context, in everySource) (string, error) {
		mu.Lock()
		storm := len(all) / requests
		all = append(all, kept{in, ctx})
		if len(all)%requests == 0 {
			close(together[storm])
		}
		mu.Unlock()
		<-together[storm]
		return "ok", nil
	})
	url := "http://" + serve(t, app)

	text := func(n int) string { return fmt.Sprintf("v%d-%s", n, strings.Repeat("x", n%60)) }
	client := &http.Client{Timeout: testTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: requests}}
	defer client.CloseIdleConnections()
	post := func(n int) error {
		v := text(n)
		body := fmt.Sprintf(`{"text":%q,"list":[%q,{%q:%q}]}`, v, v, v, v)
		target := fmt.Sprintf("%s/keep/%s?q=%s&l=%s&l=%s2&ptr=%s", url, v, v, v, v, v)
		request, err := http.NewRequest(http.MethodPost, target, strings.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Text", v)
		request.Header.Set("X-Request-Id", v[:min(len(v), 64)])
		request.AddCookie(&http.Cookie{Name: "c", Value: v})
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if _, err = io.Copy(io.Discard, response.Body); err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", response.StatusCode)
		}
		return err
	}
	storm := func(from int) {
		var wg sync.WaitGroup
		for n := from; n < from+requests; n++ {
			wg.Go(func() { assert.NoError(t, post(n)) })
		}
		wg.Wait()
	}
	storm(0)
	storm(requests) // on the same connections, and their recycled memory

	mu.Lock()
	defer mu.Unlock()
	require.Len(t, all, 2*requests)
	seen := make(map[string]bool)
	for _, k := range all {
		v := k.in.Path
		var n int
		_, err := fmt.Sscanf(v, "v%d-", &n)
		require.NoError(t, err)
		require.Equal(t, text(n), v)
		seen[v] = true
		require.Equal(t, everySource{
			Path: v, Query: v, List: []string{v, v + "2"}, Pointer: &v, Header: v, Cookie: v,
			Body: map[string]any{"text": v, "list": []any{v, map[string]any{v: v}}},
		}, k.in)
		require.Equal(t, v, k.ctx.Value(userKey{}))
		require.Equal(t, v[:min(len(v), 64)], routing.RequestID(k.ctx))
		require.ErrorIs(t, k.ctx.Err(), context.Canceled)
		_, err = routing.RequestCtx(k.ctx)
		require.ErrorIs(t, err, routing.ErrRequestEnded)
	}
	require.Len(t, seen, 2*requests)
}
