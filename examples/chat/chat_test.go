package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	wire "github.com/fasthttp/websocket"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
)

// enter connects to the room, and returns when the service has said so.
func enter(t *testing.T, kit *velithontest.Kit, room, name string) *wire.Conn {
	t.Helper()
	dialer := wire.Dialer{NetDialContext: kit.Dial}
	conn, response, err := dialer.DialContext(t.Context(), "ws://app.example/rooms/"+room+"?name="+name, nil)
	require.NoError(t, err)
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	require.Equal(t, event{Text: name + " is here"}, next(t, conn))
	return conn
}

func next(t *testing.T, conn *wire.Conn) (e event) {
	t.Helper()
	require.NoError(t, conn.ReadJSON(&e))
	return e
}

func TestAConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mails []string
		app := newApp(func(_ context.Context, to, text string) error {
			mails = append(mails, to+": "+text)
			return nil
		})
		kit := velithontest.New(t, app)
		ada, eve := enter(t, kit, "lobby", "Ada"), enter(t, kit, "cellar", "Eve")
		bob := enter(t, kit, "lobby", "Bob")
		require.Equal(t, event{Text: "Bob is here"}, next(t, ada))

		require.NoError(t, bob.WriteJSON(message{"@ada@example.org hello"}))
		for _, conn := range []*wire.Conn{ada, bob} {
			require.Equal(t, event{"Bob", "@ada@example.org hello"}, next(t, conn))
		}
		synctest.Wait()
		outcomes := kit.Wait()
		require.Len(t, outcomes, 1)
		require.Equal(t, "mail a mention", outcomes[0].Task)
		require.Equal(t, []string{"ada@example.org: Bob in lobby: hello"}, mails)

		require.NoError(t, ada.WriteJSON(message{strings.Repeat("x", 501)}))
		require.Equal(t, event{Text: "That was no message: #/text must have at most 500 characters"}, next(t, ada))
		require.NoError(t, ada.WriteJSON(message{"@nobody"}))
		require.Equal(t, event{"Ada", "@nobody"}, next(t, ada))
		require.Equal(t, event{"Ada", "@nobody"}, next(t, bob))

		require.NoError(t, ada.Close())
		require.Equal(t, event{Text: "Ada has left"}, next(t, bob))
		go func() { _ = app.Shutdown(context.Background()) }()
		for _, conn := range []*wire.Conn{bob, eve} {
			_, _, err := conn.ReadMessage()
			for err == nil { // that the other one has left
				_, _, err = conn.ReadMessage()
			}
			require.True(t, wire.IsCloseError(err, 1001), "%v", err)
		}
	})
}

// Who does not read is sent away, and holds up nobody.
func TestASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kit := velithontest.New(t, newApp(nil))
		slow, ada := enter(t, kit, "lobby", "Slow"), enter(t, kit, "lobby", "Ada")
		for i := range 40 {
			require.NoError(t, ada.WriteJSON(message{fmt.Sprint(i)}))
			e := next(t, ada)
			if e.From == "" {
				require.Equal(t, event{Text: "Slow has left"}, e)
				e = next(t, ada)
			}
			require.Equal(t, event{"Ada", fmt.Sprint(i)}, e)
		}
		_, _, err := slow.ReadMessage()
		for err == nil {
			_, _, err = slow.ReadMessage()
		}
		require.True(t, wire.IsCloseError(err, 1013), "%v", err)
	})
}

func TestThePage(t *testing.T) {
	kit := velithontest.New(t, newApp(nil))
	for path, want := range map[string]string{"/": "text/html; charset=utf-8", "/chat.js": "text/javascript; charset=utf-8", "/chat.css": "text/css; charset=utf-8"} {
		answer := velithontest.Get[any](kit, path)
		require.Equal(t, 200, answer.Status, path)
		require.Equal(t, want, answer.Header.Get("Content-Type"), path)
		require.Equal(t, policy, answer.Header.Get("Content-Security-Policy"), path)
	}
	require.Equal(t, 422, velithontest.Get[any](kit, "/rooms/lobby").Status)
	require.Equal(t, 426, velithontest.Get[any](kit, "/rooms/lobby?name=Ada").Status)
}
