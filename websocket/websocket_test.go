package websocket_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/fasthttp/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/openapi"
	"github.com/velithon-go/velithon/params"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
	"github.com/velithon-go/velithon/velithontest"
	"github.com/velithon-go/velithon/websocket"
)

type join struct {
	Room string `path:"room"`
	Name string `query:"name" validate:"required,max=20"`
}

type event struct {
	Room, From, Text string
}

// The input is that of any handler, and messages are as bodies.
func TestTypedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, book := newApp()
		socket := websocket.New[text, event](websocket.Options{})
		app.Get("/rooms/{room}", func(ctx context.Context, in join) (*websocket.Response, error) {
			if in.Room == "closed" {
				return nil, responses.NewProblem(409, "the room is closed")
			}
			return socket.Upgrade(ctx, func(conn *websocket.Conn[text, event]) error {
				for {
					m, err := conn.Receive(ctx)
					if invalid, ok := errors.AsType[*params.Error](err); ok {
						m.Text, err = invalid.Error(), nil
					}
					if err != nil {
						return err
					}
					if err := conn.Send(ctx, event{in.Room, in.Name, m.Text}); err != nil {
						return err
					}
				}
			})
		})
		kit := velithontest.New(t, app)
		conn := dial(t, kit, "/rooms/go?name=Ada", nil)
		for _, c := range []struct{ say, want string }{
			{`{"text":"hello"}`, "hello"},
			{`{"text":"1234567890ß"}`, "params: body #/text: must have at most 10 characters"},
			{`{}`, "params: body #/text: is required"},
			{`{"text":1}`, "params: body #/text: must be a string"},
			{`{"text":`, "params: the JSON body is malformed at byte 8, or nested too deeply there: unexpected end of JSON input"},
			{``, "params: body #: is required"},
			{`{"text":"again"}`, "again"},
		} {
			require.NoError(t, conn.WriteMessage(wire.TextMessage, []byte(c.say)))
			var got event
			require.NoError(t, json.Unmarshal([]byte(hear(t, conn)), &got))
			require.Equal(t, event{"go", "Ada", c.want}, got, c.say)
		}
		require.NoError(t, conn.WriteControl(wire.CloseMessage, wire.FormatCloseMessage(1000, "bye"), time.Now().Add(time.Second)))
		code, reason := closing(t, conn)
		require.Equal(t, 1000, code)
		require.Equal(t, "bye", reason)

		require.Equal(t, 422, velithontest.Get[any](kit, "/rooms/go").Status, "before the upgrade")
		require.Equal(t, 409, velithontest.Get[any](kit, "/rooms/closed?name=Ada").Status)
		require.Empty(t, book.String())
	})
}

func TestRefusals(t *testing.T) {
	app, _ := newApp()
	socket := websocket.New[text, text](websocket.Options{Origins: []string{"https://shop.example"}})
	endpoint(app, socket, echo[text])
	kit := velithontest.New(t, app)
	good := []string{"Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for name, c := range map[string]struct {
		without string
		with    string
		status  int
	}{
		"no upgrade":            {"Upgrade", "", 426},
		"another upgrade":       {"Upgrade", "Upgrade: h2c", 426},
		"no connection":         {"Connection", "", 426},
		"a version of 2010":     {"Sec-WebSocket-Version", "Sec-WebSocket-Version: 8", 426},
		"no version":            {"Sec-WebSocket-Version", "", 426},
		"no key":                {"Sec-WebSocket-Key", "", 400},
		"a short key":           {"Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j", 400},
		"a key that is no key":  {"Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!", 400},
		"a key of 17 bytes":     {"Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWE=", 400},
		"another origin":        {"", "Origin: https://evil.example", 403},
		"another subdomain":     {"", "Origin: https://app.shop.example", 403},
		"a user in the origin":  {"", "Origin: https://app.example@evil.example", 403},
		"another port":          {"", "Origin: http://app.example:8080", 403},
		"no origin, by a frame": {"", "Origin: null", 403},
	} {
		var fields []string
		for _, f := range good {
			if c.without == "" || !strings.HasPrefix(f, c.without+":") {
				fields = append(fields, f)
			}
		}
		if c.with != "" {
			fields = append(fields, c.with)
		}
		answer := velithontest.Get[any](kit, "/", fields...)
		require.Equal(t, c.status, answer.Status, name)
		require.NotNil(t, answer.Problem, name)
		require.Equal(t, c.status, answer.Problem.Status, name)
		require.NotEmpty(t, answer.Header.Get("X-Request-Id"), name)
		if c.status == 426 {
			require.Equal(t, "websocket", answer.Header.Get("Upgrade"), name)
			if c.without != "Connection" && c.with+c.without != "Upgrade" { // or else the client asks for a close
				require.Equal(t, "Upgrade", answer.Header.Get("Connection"), name)
			}
		}
		if strings.Contains(name, "version") {
			require.Equal(t, "13", answer.Header.Get("Sec-WebSocket-Version"), name)
		}
	}
	head, err := kit.Client.Head("/")
	require.NoError(t, err)
	require.Equal(t, 426, head.StatusCode)
	require.NoError(t, head.Body.Close())
	for _, origin := range []string{"http://app.example", "https://app.example", "https://shop.example"} {
		dial(t, kit, "/", http.Header{"Origin": {origin}})
	}
	for name, request := range map[string]string{
		"HTTP/1.0":   strings.Replace(handshake, "HTTP/1.1", "HTTP/1.0", 1) + "\r\n",
		"close":      strings.Replace(handshake, "Connection: Upgrade", "Connection: close", 1) + "Connection: Upgrade\r\n\r\n",
		"two keys":   handshake + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"wrong verb": strings.Replace(handshake, "GET", "POST", 1) + "Content-Length: 0\r\n\r\n",
	} {
		conn, err := kit.Dial(t.Context(), "", "")
		require.NoError(t, err)
		go func() { _, _ = conn.Write([]byte(request)) }()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		require.GreaterOrEqual(t, response.StatusCode, 400, name)
		require.Less(t, response.StatusCode, 500, name)
		_ = response.Body.Close()
		_ = conn.Close()
	}
}

// What the function returns decides how the connection is closed, and what the log has.
func TestHowAConversationEnds(t *testing.T) {
	for name, c := range map[string]struct {
		converse func(ctx context.Context, conn *websocket.Conn[text, text]) error
		say      string
		code     int
		reason   string
		logs     string
	}{
		"nil": {converse: func(context.Context, *websocket.Conn[text, text]) error { return nil }, code: 1000},
		"a code": {converse: func(context.Context, *websocket.Conn[text, text]) error {
			return &websocket.CloseError{Code: 4001, Reason: "enough"}
		}, code: 4001, reason: "enough"},
		"a bad code": {converse: func(context.Context, *websocket.Conn[text, text]) error { return &websocket.CloseError{Code: 1006} }, code: 1011, logs: `closed with code 1006`},
		"an error":   {converse: func(context.Context, *websocket.Conn[text, text]) error { return errors.New("no database") }, code: 1011, logs: `"no database"`},
		"a panic":    {converse: func(context.Context, *websocket.Conn[text, text]) error { panic("oh no") }, code: 1011, logs: `oh no`},
		"Goexit": {converse: func(context.Context, *websocket.Conn[text, text]) error {
			runtime.Goexit()
			return nil
		}, code: 1011, logs: `runtime.Goexit`},
		"closed": {converse: func(ctx context.Context, conn *websocket.Conn[text, text]) error {
			conn.Close(4000, strings.Repeat("ß", 100))
			conn.Close(4001, "too late")
			<-ctx.Done()
			return ctx.Err()
		}, code: 4000, reason: strings.Repeat("ß", 61)},
		"no UTF-8": {converse: func(context.Context, *websocket.Conn[text, text]) error {
			return &websocket.CloseError{Code: 4001, Reason: "no\xff"}
		}, code: 4001, reason: "no\uFFFD"},
		"no JSON":         {converse: echo[text], say: `{"text"`, code: 1007, reason: "the JSON body is malformed at byte 7, or nested too deeply there"},
		"breaks a rule":   {converse: echo[text], say: `{}`, code: 1008, reason: "#/text: is required"},
		"of a wrong type": {converse: echo[text], say: `{"text":7}`, code: 1008, reason: "#/text: must be a string"},
	} {
		synctest.Test(t, func(t *testing.T) {
			app, book := newApp()
			endpoint(app, websocket.New[text, text](websocket.Options{}), c.converse)
			kit := velithontest.New(t, app)
			conn := dial(t, kit, "/", nil)
			if c.say != "" {
				require.NoError(t, conn.WriteMessage(wire.TextMessage, []byte(c.say)))
			}
			code, reason := closing(t, conn)
			require.Equal(t, c.code, code, name)
			require.Equal(t, c.reason, reason, name)
			synctest.Wait()
			if c.logs == "" {
				require.Empty(t, book.String(), name)
			} else {
				require.Contains(t, book.String(), c.logs, name)
				require.Contains(t, book.String(), `"route":"GET /"`, name)
				require.Contains(t, book.String(), `"level":"ERROR"`, name)
			}
		})
	}
}

// What was sent arrives before the close.
func TestWhatWaitsIsSentBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		endpoint(app, websocket.New[text, int](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[text, int]) error {
			for i := range 10 {
				assert.NoError(t, conn.Send(ctx, i))
			}
			return nil
		})
		conn := dial(t, velithontest.New(t, app), "/", nil)
		for i := range 10 {
			require.Equal(t, string(rune('0'+i)), hear(t, conn))
		}
		code, _ := closing(t, conn)
		require.Equal(t, 1000, code)
	})
}

// The context ends with the connection, and whoever keeps a Conn is told.
func TestTheEndIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(t *testing.T, conn *wire.Conn)
		code  int
	}{
		"closes": {func(t *testing.T, conn *wire.Conn) {
			require.NoError(t, conn.WriteControl(wire.CloseMessage, wire.FormatCloseMessage(4002, "bye"), time.Now().Add(time.Second)))
		}, 4002},
		"closes without a code": {func(t *testing.T, conn *wire.Conn) {
			require.NoError(t, conn.WriteControl(wire.CloseMessage, nil, time.Now().Add(time.Second)))
		}, 1005},
		"is gone": {func(t *testing.T, conn *wire.Conn) { require.NoError(t, conn.Close()) }, 1006},
	} {
		synctest.Test(t, func(t *testing.T) {
			app, book := newApp()
			kept := make(chan *websocket.Conn[text, text], 1)
			endpoint(app, websocket.New[text, text](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[text, text]) error {
				kept <- conn
				<-ctx.Done()
				_, err := routing.RequestCtx(ctx)
				assert.Error(t, err)
				return ctx.Err()
			})
			client := dial(t, velithontest.New(t, app), "/", nil)
			conn := <-kept
			c.leave(t, client)
			synctest.Wait()
			for range 2 {
				_, received := conn.Receive(context.Background())
				for _, err := range []error{received, conn.Send(context.Background(), text{}), conn.TrySend(text{})} {
					closed, ok := errors.AsType[*websocket.CloseError](err)
					require.True(t, ok, "%s: %v", name, err)
					require.Equal(t, c.code, closed.Code, name)
				}
			}
			conn.Close(1000, "")
			require.Empty(t, book.String())
		})
	}
}

// A shutdown closes with 1001, waits for the function, and runs its tasks.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, book := newApp()
		worked := make(chan string, 3) // of two tasks that run at once
		endpoint(app, websocket.New[text, text](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[text, text]) error {
			_, err := conn.Receive(ctx)
			closed, ok := errors.AsType[*websocket.CloseError](err)
			assert.True(t, ok, "%v", err)
			assert.Equal(t, websocket.GoingAway, closed.Code)
			time.Sleep(3 * time.Second)
			id := routing.RequestID(ctx)
			assert.NotEmpty(t, id)
			assert.NoError(t, app.Runner().Submit(ctx, background.Func("last", func(ctx context.Context) error {
				assert.Equal(t, id, routing.RequestID(ctx))
				worked <- "last"
				return nil
			})))
			return err
		})
		kit := velithontest.New(t, app)
		polite, deaf := dial(t, kit, "/", nil), dialRaw(t, must(kit.Dial(t.Context(), "", "")), "")
		ended := make(chan error)
		begin := time.Now()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			ended <- app.Shutdown(ctx)
		}()
		code, reason := closing(t, polite)
		require.Equal(t, 1001, code)
		require.Equal(t, "the app shuts down", reason)
		require.NoError(t, <-ended)
		require.Equal(t, 5*time.Second, time.Since(begin), "CloseTimeout for the one that does not answer")
		require.Equal(t, []frame{closeFrame(1001, "the app shuts down")}, deaf.all())
		require.Len(t, worked, 2)
		require.Empty(t, book.String())
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A connection that becomes a WebSocket while the app shuts down is closed at once.
func TestUpgradeDuringAShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		entered, leave := make(chan struct{}), make(chan struct{})
		socket := websocket.New[text, text](websocket.Options{})
		app.Get("/", func(ctx context.Context, _ struct{}) (*websocket.Response, error) {
			close(entered)
			<-leave
			return socket.Upgrade(ctx, func(conn *websocket.Conn[text, text]) error { return echo(ctx, conn) })
		})
		kit := velithontest.New(t, app)
		go func() {
			<-entered
			go func() { _ = app.Shutdown(context.Background()) }()
			synctest.Wait()
			close(leave)
		}()
		code, _ := closing(t, dial(t, kit, "/", nil))
		require.Equal(t, 1001, code)
	})
}

// A client that does not read is not waited for for ever, and holds up nobody who does not
// want to wait.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, book := newApp()
		full := make(chan error, 1)
		endpoint(app, websocket.New[text, int](websocket.Options{Queue: 2}), func(ctx context.Context, conn *websocket.Conn[text, int]) error {
			begin := time.Now()
			synctest.Wait()
			assert.NoError(t, conn.TrySend(0)) // the writer has it, and waits for the client
			synctest.Wait()
			assert.NoError(t, conn.TrySend(1))
			assert.NoError(t, conn.TrySend(2))
			full <- conn.TrySend(3)
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			assert.ErrorIs(t, conn.Send(short, 4), context.DeadlineExceeded)
			err := conn.Send(ctx, 5)
			closed, ok := errors.AsType[*websocket.CloseError](err)
			assert.True(t, ok, "%v", err)
			assert.Equal(t, websocket.Abnormal, closed.Code)
			assert.Equal(t, 10*time.Second, time.Since(begin))
			return err
		})
		kit := velithontest.New(t, app)
		conn := must(kit.Dial(t.Context(), "", ""))
		defer conn.Close()
		_, err := conn.Write([]byte(handshake + "\r\n"))
		require.NoError(t, err)
		reader := bufio.NewReaderSize(conn, 16)
		for line := ""; line != "\r\n"; {
			line, err = reader.ReadString('\n')
			require.NoError(t, err)
		}
		require.ErrorIs(t, <-full, websocket.ErrFull)
		time.Sleep(time.Minute)
		require.Empty(t, book.String())
	})
}

// A client that answers no ping is gone.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		begin := time.Now()
		lived := make(chan time.Duration, 2)
		endpoint(app, websocket.New[text, text](websocket.Options{PingInterval: time.Minute}), func(ctx context.Context, _ *websocket.Conn[text, text]) error {
			<-ctx.Done()
			lived <- time.Since(begin)
			return ctx.Err()
		})
		kit := velithontest.New(t, app)
		silent := dialRaw(t, must(kit.Dial(t.Context(), "", "")), "")
		require.Equal(t, []frame{{op: opPing}}, silent.all())
		require.Equal(t, 2*time.Minute, <-lived)

		begin = time.Now()
		polite := dialRaw(t, must(kit.Dial(t.Context(), "", "")), "")
		for range 5 {
			require.Equal(t, frame{op: opPing}, <-polite.hears)
			polite.send(frame{op: opPong}.bytes())
		}
		require.Equal(t, 5*time.Minute, time.Since(begin))
		require.NoError(t, polite.Close())
		require.Equal(t, 5*time.Minute, <-lived)
	})
}

// A client that was slow to take a message has the whole interval for the ping behind it.
func TestPingBehindASlowMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		options := websocket.Options{PingInterval: 5 * time.Second, WriteTimeout: 10 * time.Second}
		endpoint(app, websocket.New[text, text](options), func(ctx context.Context, conn *websocket.Conn[text, text]) error {
			time.Sleep(4 * time.Second)
			assert.NoError(t, conn.Send(ctx, text{"hello"}))
			return echo(ctx, conn)
		})
		conn := must(velithontest.New(t, app).Dial(t.Context(), "", ""))
		defer func() { _ = conn.Close() }()
		_, err := io.WriteString(conn, handshake+"\r\n")
		require.NoError(t, err)
		reader := bufio.NewReaderSize(conn, 16) // no larger than what is waited for
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		_ = response.Body.Close()
		time.Sleep(9900 * time.Millisecond)
		require.Equal(t, opText, must(readFrame(reader)).op)
		require.Equal(t, opPing, must(readFrame(reader)).op)
		time.Sleep(time.Second) // a slow line
		_, err = conn.Write(frame{op: opPong}.bytes())
		require.NoError(t, err)
		require.Equal(t, opPing, must(readFrame(reader)).op)
	})
}

// A client is not taken for gone while its message waits for a function that is busy.
func TestABusyFunctionLosesNoClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		endpoint(app, websocket.New[text, text](websocket.Options{PingInterval: time.Second}), func(ctx context.Context, conn *websocket.Conn[text, text]) error {
			time.Sleep(time.Hour + time.Second/2) // between two pings
			return echo(ctx, conn)
		})
		client := dialRaw(t, must(velithontest.New(t, app).Dial(t.Context(), "", "")), "")
		client.send(frame{op: opText, payload: `{"text":"hello"}`}.bytes())
		for f := range client.hears {
			if f.op == opText {
				require.Equal(t, `{"text":"hello"}`, f.payload)
				require.Equal(t, frame{op: opPing}, <-client.hears, "and has time to answer the next ping")
				return
			}
		}
		t.Error("the connection was lost")
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, book := newApp()
		endpoint(app, websocket.New[websocket.Message, websocket.Message](websocket.Options{MessageLimit: 10, MaxConnections: 1}), echo)
		kit := velithontest.New(t, app)
		conn := dial(t, kit, "/", nil)
		require.NoError(t, conn.WriteMessage(wire.TextMessage, []byte("1234567890")))
		require.Equal(t, "1234567890", hear(t, conn))
		answer := velithontest.Get[any](kit, "/", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
		require.Equal(t, 503, answer.Status)
		require.Equal(t, "5", answer.Header.Get("Retry-After"))
		go func() { _ = conn.WriteMessage(wire.TextMessage, make([]byte, 1<<20)) }()
		code, reason := closing(t, conn)
		require.Equal(t, 1009, code)
		require.Empty(t, reason)
		require.NoError(t, conn.Close())
		synctest.Wait()

		client := dialRaw(t, must(kit.Dial(t.Context(), "", "")), "") // there is room again
		client.send([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
		require.Equal(t, []frame{closeFrame(1009, "a message is too large")}, client.all())
		require.Equal(t, 1, strings.Count(book.String(), "\n"), "of the 503")
	})
}

// A connection that was not handed over has no place.
func TestPlacesAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		app.Use(func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(raw *fasthttp.RequestCtx) {
				next(raw)
				if raw.QueryArgs().Has("late") {
					raw.TimeoutErrorWithCode("late", 503)
				}
				if raw.QueryArgs().Has("refused") {
					raw.Error("refused", 403)
				}
			}
		})
		endpoint(app, websocket.New[text, text](websocket.Options{MaxConnections: 1}), echo)
		kit := velithontest.New(t, app)
		upgrade := []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
		for range 3 {
			require.Equal(t, "late", velithontest.Get[any](kit, "/?late", upgrade...).Text)
			synctest.Wait()
			require.Equal(t, "refused", velithontest.Get[any](kit, "/?refused", upgrade...).Text)
			synctest.Wait()
		}
		conn := dial(t, kit, "/", nil)
		require.NoError(t, conn.WriteMessage(wire.TextMessage, []byte(`{"text":"hello"}`)))
		require.JSONEq(t, `{"text":"hello"}`, hear(t, conn))
		require.NoError(t, conn.Close())
	})
}

func TestMessagesThatAreNoJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		endpoint(app, websocket.New[websocket.Message, websocket.Message](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[websocket.Message, websocket.Message]) error {
			assert.EqualError(t, conn.Send(ctx, websocket.Message{Data: []byte{0xff}}), "websocket: a text message that is to be sent is not UTF-8")
			return echo(ctx, conn)
		})
		kit := velithontest.New(t, app)
		conn := dial(t, kit, "/", nil)
		for kind, content := range map[int]string{wire.TextMessage: "ß", wire.BinaryMessage: "\xff"} {
			require.NoError(t, conn.WriteMessage(kind, []byte(content)))
			got, data, err := conn.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, kind, got)
			require.Equal(t, content, string(data))
		}
		require.NoError(t, conn.WriteMessage(wire.TextMessage, []byte{0xff}))
		code, reason := closing(t, conn)
		require.Equal(t, 1007, code)
		require.Equal(t, "a text message is not UTF-8", reason)
	})
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		endpoint(app, websocket.New[text, text](websocket.Options{}), echo)
		conn := dial(t, velithontest.New(t, app), "/", nil)
		require.NoError(t, conn.WriteMessage(wire.BinaryMessage, []byte(`{"text":"hello"}`)))
		code, _ := closing(t, conn)
		require.Equal(t, 1003, code)
	})
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		endpoint(app, websocket.New[struct{}, string](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[struct{}, string]) error {
			_, err := conn.Receive(ctx)
			assert.NoError(t, err)
			assert.NoError(t, conn.Send(ctx, "\xff"))
			return nil
		})
		conn := dial(t, velithontest.New(t, app), "/", nil)
		require.NoError(t, conn.WriteMessage(wire.TextMessage, []byte("anything")))
		require.JSONEq(t, `"�"`, hear(t, conn), "JSON has no bytes")
	})
}

// Receive by one that is done does not end the connection, and several may wait.
func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		const n = 100
		endpoint(app, websocket.New[text, text](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[text, text]) error {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := conn.Receive(short)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			var all sync.WaitGroup
			for range n {
				all.Go(func() {
					m, err := conn.Receive(ctx)
					assert.NoError(t, err)
					assert.NoError(t, conn.Send(ctx, m))
				})
			}
			all.Wait()
			return nil
		})
		conn := dial(t, velithontest.New(t, app), "/", nil)
		want, got := make(map[string]int), make(map[string]int)
		go func() {
			time.Sleep(2 * time.Second)
			for i := range n {
				assert.NoError(t, conn.WriteJSON(text{Text: strings.Repeat("x", i%10+1)}))
			}
		}()
		for i := range n {
			want[strings.Repeat("x", i%10+1)]++
			var m text
			require.NoError(t, json.Unmarshal([]byte(hear(t, conn)), &m))
			got[m.Text]++
		}
		require.Equal(t, want, got)
	})
}

// What was received may be kept.
func TestMessagesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		endpoint(app, websocket.New[websocket.Message, []string](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[websocket.Message, []string]) error {
			var kept []websocket.Message
			for range 4 {
				m, err := conn.Receive(ctx)
				assert.NoError(t, err)
				kept = append(kept, m)
			}
			var texts []string
			for _, m := range kept {
				texts = append(texts, string(m.Data))
			}
			return conn.Send(ctx, texts)
		})
		conn := dial(t, velithontest.New(t, app), "/", nil)
		for _, text := range []string{"1111", "2222", "3333", "4444"} {
			require.NoError(t, conn.WriteMessage(wire.TextMessage, []byte(text)))
		}
		require.JSONEq(t, `["1111","2222","3333","4444"]`, hear(t, conn))
	})
}

// slow is decoded slowly.
type slow string

var decoding, decode chan struct{}

func (s *slow) UnmarshalJSON([]byte) error {
	close(decoding)
	<-decode
	return nil
}

// What is read behind the beginning of the end does not take the place of a message that is
// still being decoded.
func TestAMessageThatIsDecodedAtTheEnd(t *testing.T) {
	type message struct {
		Slow slow   `json:"slow"`
		Text string `json:"text" validate:"required"`
	}
	decoding, decode = make(chan struct{}), make(chan struct{})
	app, _ := newApp()
	result := make(chan error, 1)
	endpoint(app, websocket.New[message, text](websocket.Options{}), func(ctx context.Context, conn *websocket.Conn[message, text]) error {
		go func() {
			<-decoding
			conn.Close(4000, "enough")
		}()
		_, err := conn.Receive(ctx)
		result <- err
		return err
	})
	client := dialRaw(t, must(velithontest.New(t, app).Dial(t.Context(), "", "")), "")
	for _, content := range []string{`{"slow":1,"text":"a"}`, `{"slow":2,"text":"b"}`, `[[[[[[[[[[[[[[[[[[[[[`} {
		_, err := client.Write(frame{op: opText, payload: content}.bytes())
		require.NoError(t, err)
	}
	_, err := client.Write(closeFrame(4000, "").bytes()) // taken once what is before it was read
	require.NoError(t, err)
	close(decode)
	require.NoError(t, <-result)
}

// A client that pings behind our close, and then closes, is not waited for any longer.
func TestAPingBehindTheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		endpoint(app, websocket.New[text, text](websocket.Options{}), func(context.Context, *websocket.Conn[text, text]) error { return nil })
		begin := time.Now()
		client := dialRaw(t, must(velithontest.New(t, app).Dial(t.Context(), "", "")), "")
		require.Equal(t, cleanly, <-client.hears)
		client.send(append(ping("").bytes(), cleanly.bytes()...))
		require.Empty(t, client.all())
		require.Zero(t, time.Since(begin))
	})
}

func TestSubprotocol(t *testing.T) {
	app, _ := newApp()
	endpoint(app, websocket.New[text, string](websocket.Options{Subprotocols: []string{"v2", "v1"}}), func(ctx context.Context, conn *websocket.Conn[text, string]) error {
		return conn.Send(ctx, conn.Subprotocol())
	})
	kit := velithontest.New(t, app)
	for offered, want := range map[string]string{"v1": "v1", "v1, v2": "v2", "v3": ""} {
		conn := dial(t, kit, "/", http.Header{"Sec-WebSocket-Protocol": {offered}})
		require.Equal(t, want, conn.Subprotocol(), offered)
		require.Equal(t, `"`+want+`"`, hear(t, conn), offered)
	}
}

// The access log has a record at the end, with the time to there.
func TestAccessLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		log := new(book)
		app.Use(middleware.AccessLog(log.logger()))
		endpoint(app, websocket.New[text, text](websocket.Options{}), echo)
		conn := dial(t, velithontest.New(t, app), "/", nil)
		time.Sleep(20 * time.Second)
		require.Empty(t, log.String())
		require.NoError(t, conn.Close())
		synctest.Wait()
		var record struct {
			Status int
			Route  string
			Took   time.Duration
		}
		require.NoError(t, json.Unmarshal([]byte(log.String()), &record))
		require.Equal(t, 101, record.Status)
		require.Equal(t, "/", record.Route)
		require.Equal(t, 20*time.Second, record.Took)
	})
}

func TestDescription(t *testing.T) {
	app, _ := newApp()
	endpoint(app, websocket.New[text, text](websocket.Options{}), echo)
	openapi.Mount(app, openapi.Options{Info: openapi.Info{Title: "test", Version: "1"}})
	answer := velithontest.Get[map[string]any](velithontest.New(t, app), "/openapi.json")
	answers := answer.Body["paths"].(map[string]any)["/"].(map[string]any)["get"].(map[string]any)["responses"].(map[string]any)
	for status, has := range map[string]bool{"101": true, "200": false, "400": true, "403": true, "426": true, "503": true} {
		_, got := answers[status]
		assert.Equal(t, has, got, status)
	}
}

type ticket struct {
	Number int `query:"number"`
}

func TestMistakes(t *testing.T) {
	for want, f := range map[string]func(){
		"websocket: New[websocket_test.text, websocket_test.text]: the option Queue is negative: use 0 for the default": func() {
			websocket.New[text, text](websocket.Options{Queue: -1})
		},
		"websocket: New[websocket_test.ticket, websocket_test.text]: the messages to receive have fields of a request, such as a query: those belong to the input of the handler": func() {
			websocket.New[ticket, text](websocket.Options{})
		},
		"websocket: New[websocket_test.text, chan int]: the messages to send: the output type chan int is a channel, which JSON does not have: return a slice, responses.Stream or responses.EventStream, or leave it out with `json:\"-\"`": func() {
			websocket.New[text, chan int](websocket.Options{})
		},
		"websocket: New[websocket_test.text, responses.TextResponse]: the messages to send are responses: use the type of their content": func() {
			websocket.New[text, responses.TextResponse](websocket.Options{})
		},
	} {
		require.PanicsWithValue(t, want, f)
	}
	require.Panics(t, func() { websocket.New[string, text](websocket.Options{}) })
	require.Panics(t, func() { websocket.New[text, text](websocket.Options{Origins: []string{"shop.example"}}) })
	_, err := websocket.New[text, text](websocket.Options{}).Upgrade(t.Context(), nil)
	require.ErrorIs(t, err, routing.ErrNoRequest)
	require.EqualError(t, &websocket.CloseError{Code: 1000}, "websocket: closed with code 1000")
	require.EqualError(t, &websocket.CloseError{Code: 4000, Reason: "x"}, "websocket: closed with code 4000: x")
}
