package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velithon-go/velithon/background"
)

// A visitor is what the clients have in common.
type visitor struct {
	address  string
	rejects  bool   // the service's runner does when it is full
	pageText string // of the page that the service has
	form     []byte // with a file that does not stay in memory
	ledger   *ledger
	figures  *figures
}

// A visit is one client's dealings with the service, from the first connection
// to the last.
type visit struct {
	name string
	pay  func(*visitor) error
}

var visits = weighted[visit]{
	{500, visit{"keep-alive", (*visitor).keepAlive}},
	{150, visit{"pipelined", (*visitor).pipeline}},
	{150, visit{"job", (*visitor).job}},
	{100, visit{"malformed", (*visitor).sendMalformed}},
	{30, visit{"too large", (*visitor).sendTooLarge}},
	{3, visit{"large upload", (*visitor).uploadLarge}},
	{1, visit{"late upload", (*visitor).uploadLate}},
	{1, visit{"upload with a fault", (*visitor).uploadFaulty}},
	{1, visit{"gone in an upload", (*visitor).leaveUpload}},
	{30, visit{"gone in a header", (*visitor).leaveHeader}},
	{30, visit{"gone in a body", (*visitor).leaveBody}},
	{40, visit{"gone before the answer", (*visitor).leaveBeforeAnswer}},
	{30, visit{"gone in a stream", (*visitor).leaveStream}},
	{30, visit{"gone in events", (*visitor).leaveEvents}},
	{20, visit{"gone in a pipeline", (*visitor).leavePipeline}},
	{30, visit{"gone after half a close", (*visitor).closeHalf}},
	{10, visit{"slow to send", (*visitor).sendSlowly}},
	{10, visit{"slow to read", (*visitor).readSlowly}},
	{2, visit{"too slow", (*visitor).sendTooSlowly}},
}

// answer reads and checks the answer to a request.
func (v *visitor) answer(c *conn, r request) error {
	a, err := c.receive(r)
	if err == nil {
		v.figures.answered(a.status)
		v.figures.logged(r.logs...)
		v.figures.mayHaveLogged(r.may...)
		err = r.check(a)
	}
	if err != nil {
		line, _, _ := strings.Cut(r.head, "\r\n")
		return fmt.Errorf("%q %w", line, err)
	}
	return nil
}

func (v *visitor) ask(c *conn, r request) error {
	return errors.Join(c.send(r), v.answer(c, r))
}

// onConn runs f with a new connection.
func (v *visitor) onConn(f func(c *conn) error) error {
	c, err := dial(v.address)
	if err != nil {
		return err
	}
	return errors.Join(f(c), c.Close())
}

// several asks for a few things, one after the other.
func (v *visitor) several(c *conn) error {
	for range 1 + rand.IntN(8) {
		if err := v.ask(c, requests.pick()(v)); err != nil {
			return err
		}
	}
	return nil
}

func (v *visitor) keepAlive() error { return v.onConn(v.several) }

// pick makes a few requests.
func (v *visitor) pick() []request {
	all := make([]request, 2+rand.IntN(7))
	for i := range all {
		all[i] = requests.pick()(v)
	}
	return all
}

func (v *visitor) pipeline() error {
	return v.onConn(func(c *conn) error {
		all := v.pick()
		if err := c.send(all...); err != nil {
			return err
		}
		for _, r := range all {
			if err := v.answer(c, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// sendMalformed sends what is no HTTP, with a request behind it that must not
// be answered.
func (v *visitor) sendMalformed() error {
	second := head("GET", "/none", nil)
	return v.refused(400, weighted[string]{
		{1, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"},
		{1, "GET /stats HTTP/2.0\r\nHost: test\r\n\r\n"},
		{1, "GET /stats HTTP/1.1\r\nHost: test\r\nX : y\r\n\r\n"},
		{1, "GET /stats HTTP/1.1\r\nHost: test\r\nX: a\x00b\r\n\r\n"},
		{1, "GET /stats HTTP/1.1\n\n"},
		{1, head("GET", "/pages/%2e%2e%2fjournal", nil)},
		{1, "POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
		{1, "POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{1, "POST /login HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nz\r\nabc\r\n0\r\n\r\n"},
		{1, "POST /uploads HTTP/1.1\r\nHost: test\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 4\r\n\r\n--ab"},
	}.pick()+second)
}

// sendTooLarge exceeds a limit.
func (v *visitor) sendTooLarge() error {
	body := strings.Repeat("x", bodyLimit+1)
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	return weighted[func() error]{
		{1, func() error { return v.refused(413, head("POST", "/login", []byte(body), formType)+body) }},
		{1, func() error {
			return v.refused(413, head("POST", "/login", nil, formType, "Transfer-Encoding: chunked")+chunks)
		}},
		{1, func() error {
			return v.refused(413, head("POST", "/uploads", nil, multipartType, "Content-Length: 99999999999"))
		}},
		{1, func() error { return v.refused(431, head("GET", "/none", nil, "X: "+strings.Repeat("x", 10_000))) }},
	}.pick()()
}

// refused sends a message that is answered with a status and the end of the
// connection. The end may be a reset, since the server has not read everything.
func (v *visitor) refused(want int, message string) error {
	return v.onConn(func(c *conn) error {
		r := request{head: message, check: status(want)}
		if err := c.send(r); err != nil && !isGone(err) {
			return err
		}
		a, err := c.receive(request{})
		if err != nil && isGone(err) {
			v.figures.answered(0) // the reset has come before the answer was read
			return nil
		}
		if err != nil {
			return fmt.Errorf("%.80q %w", message, err)
		}
		v.figures.answered(a.status)
		if err := r.check(a); err != nil {
			return fmt.Errorf("%.80q %w", message, err)
		}
		if err := c.ended(); err != nil && !isGone(err) {
			return fmt.Errorf("%.80q %w", message, err)
		}
		return nil
	})
}

// isGone reports whether the other side has closed the connection.
func isGone(err error) bool {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	_, broken := errors.AsType[*net.OpError](err)
	return broken
}

func (v *visitor) uploadLarge() error {
	return v.onConn(func(c *conn) error { return v.ask(c, v.upload(v.form)) })
}

// uploadFaulty sends a file that is opened, and then not accepted.
func (v *visitor) uploadFaulty() error {
	r := request{head: head("POST", "/uploads?n=many", v.form, multipartType), body: v.form, check: status(422)}
	return v.onConn(func(c *conn) error { return v.ask(c, r) })
}

// uploadLate asks a handler that reads its file when it is late, as a rule.
func (v *visitor) uploadLate() error {
	r := request{head: head("POST", "/late/uploads", v.form, multipartType), body: v.form, check: func(a answer) error {
		if isLate(a) {
			v.figures.logged(logStillRunning, logLate)
			return nil
		}
		return status(200)(a)
	}}
	return v.onConn(func(c *conn) error { return v.ask(c, r) })
}

// leave sends something, reads up to so many bytes of the answer, and is gone:
// half of the clients with a reset.
func (v *visitor) leave(message string, read int) error {
	c, err := dial(v.address)
	if err != nil {
		return err
	}
	err = c.send(request{head: message})
	if err == nil && read > 0 {
		_, err = io.CopyN(io.Discard, c.answers, int64(read))
	}
	if rand.IntN(2) == 0 {
		return errors.Join(err, c.reset())
	}
	return errors.Join(err, c.Close())
}

func (v *visitor) leaveUpload() error {
	return v.leave(head("POST", "/uploads", v.form, multipartType)+string(v.form[:rand.IntN(len(v.form))]), 0)
}

func (v *visitor) leaveHeader() error {
	message := v.order().head
	return v.leave(message[:rand.IntN(len(message)-1)], 0)
}

func (v *visitor) leaveBody() error {
	r := v.order()
	return v.leave(r.head+string(r.body[:len(r.body)/2]), 0)
}

// leaveBeforeAnswer does not say whether its work is to run.
func (v *visitor) leaveBeforeAnswer() error {
	w := works.pick()
	return v.leave(workHead("work", w, "json", v.ledger.add(w.ends())), 0)
}

// leaveStream reads a part of what is too large for the buffers in between.
func (v *visitor) leaveStream() error {
	v.figures.mayHaveLogged(logStreamEnded)
	return v.leave(head("GET", "/export?lines=100000", nil), rand.IntN(100_000))
}

func (v *visitor) leaveEvents() error {
	v.figures.mayHaveLogged(logStreamEnded)
	return v.leave(head("GET", "/events?events=200", nil), 300)
}

// leavePipeline reads the first answer of several with work.
func (v *visitor) leavePipeline() error {
	c, err := dial(v.address)
	if err != nil {
		return err
	}
	all := []request{v.work()}
	for range 4 {
		w := works.pick()
		all = append(all, request{head: workHead("work", w, "json", v.ledger.add(w.ends()))})
	}
	if err := c.send(all...); err != nil {
		return errors.Join(err, c.Close())
	}
	return errors.Join(v.answer(c, all[0]), c.reset())
}

// closeHalf sends a request and says that there will be no other.
func (v *visitor) closeHalf() error {
	return v.onConn(func(c *conn) error {
		r := v.work()
		if err := c.send(r); err != nil {
			return err
		}
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			if err := tcp.CloseWrite(); err != nil {
				return err
			}
		}
		return errors.Join(v.answer(c, r), c.ended())
	})
}

// sendSlowly takes half a second for the body of its request.
func (v *visitor) sendSlowly() error {
	return v.onConn(func(c *conn) error {
		r := v.order()
		if err := c.send(request{head: r.head}); err != nil {
			return err
		}
		const pieces = 20
		for part := range slices.Chunk(r.body, len(r.body)/pieces+1) {
			time.Sleep(500 * time.Millisecond / pieces)
			if err := c.send(request{body: part}); err != nil {
				return err
			}
		}
		return v.answer(c, r)
	})
}

// readSlowly takes about a second for its answer.
func (v *visitor) readSlowly() error {
	return v.onConn(func(c *conn) error {
		const lines = 50_000
		c.answers = bufio.NewReaderSize(&slowReader{c.Conn}, 16<<10)
		r := request{head: head("GET", "/export?lines="+strconv.Itoa(lines), nil), check: func(a answer) error {
			if want := lines * len(exportLine); len(a.body) != want {
				return fmt.Errorf("has %d bytes and not %d", len(a.body), want)
			}
			return status(200)(a)
		}}
		return v.ask(c, r)
	})
}

type slowReader struct{ net.Conn }

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return r.Conn.Read(p)
}

// sendTooSlowly does not end its header.
func (v *visitor) sendTooSlowly() error {
	return v.refused(408, "GET /stats HTTP/1.1\r\nHost: te")
}

func statsIn(a answer) (background.Stats, error) {
	var s background.Stats
	err := errors.Join(status(200)(a), json.Unmarshal(a.body, &s))
	return s, err
}
