package websocket_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
	"github.com/velithon-go/velithon/websocket"
)

// The cases of the Autobahn test suite (crossbario/autobahn-testsuite, as of November 2025)
// for a server that echoes, with its numbers, but for 12 and 13, which are about a
// compression that is not negotiated. What the suite expects is said anew here.

// How the octets of a case are sent.
const (
	byFrame  = iota // each frame, and what it causes, by itself
	byOctet         // each octet by itself
	together        // at once, or in chops of so many
)

// A check is one case.
type check struct {
	number string
	send   []frame
	how    int
	chop   int // with together; 0 means at once

	// want is what is heard: messages and pongs, and how the connection is closed. Where the
	// close comes at the same time as a message, that may be left out.
	want   []frame
	racing bool
}

// cleanly ends a case by a close that the server answers.
var cleanly = closeFrame(1000, "")

// failed is how a connection ends after a violation. The reason is not compared.
var failed, notUTF8 = closeFrame(1002, ""), closeFrame(1007, "")

func text8(payload string) frame   { return frame{op: opText, payload: payload} }
func binary8(payload string) frame { return frame{op: opBinary, payload: payload} }
func ping(payload string) frame    { return frame{op: opPing, payload: payload} }
func pong(payload string) frame    { return frame{op: opPong, payload: payload} }

// fragments returns a message in frames of so many bytes.
func fragments(op, size int, payload string) (frames []frame) {
	for chunk := range slices.Chunk([]byte(payload), size) {
		frames = append(frames, frame{op: op, more: true, payload: string(chunk)})
		op = opContinue
	}
	frames[len(frames)-1].more = false
	return frames
}

// clean is a case that ends well: all of the frames are sent, and then a close.
func clean(number string, how int, send []frame, want ...frame) check {
	return check{number: number, how: how, send: append(slices.Clone(send), cleanly), want: append(want, cleanly)}
}

// fails is one that ends with a violation.
func fails(number string, how int, send []frame, want ...frame) check {
	return check{number: number, how: how, send: send, want: append(want, failed), racing: how == together}
}

func framing() (all []check) {
	for i, size := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
		text, bin := text8(strings.Repeat("*", size)), binary8(strings.Repeat("\xfe", size))
		a := clean(fmt.Sprintf("1.1.%d", i+1), byFrame, []frame{text}, text)
		b := clean(fmt.Sprintf("1.2.%d", i+1), byFrame, []frame{bin}, bin)
		if i == 7 {
			a.how, a.chop, b.how, b.chop = together, 997, together, 997
			a.racing, b.racing = true, true
		}
		all = append(all, a, b)
	}
	return all
}

func pings() []check {
	var tenPings, tenPongs []frame
	for i := range 10 {
		tenPings = append(tenPings, ping(fmt.Sprintf("payload-%d", i)))
		tenPongs = append(tenPongs, pong(fmt.Sprintf("payload-%d", i)))
	}
	long, bytes := strings.Repeat("\xfe", 125), "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	return []check{
		clean("2.1", byFrame, []frame{ping("")}, pong("")),
		clean("2.2", byFrame, []frame{ping("Hello, world!")}, pong("Hello, world!")),
		clean("2.3", byFrame, []frame{ping(bytes)}, pong(bytes)),
		clean("2.4", byFrame, []frame{ping(long)}, pong(long)),
		fails("2.5", byFrame, []frame{ping(long + "\xfe")}),
		clean("2.6", byOctet, []frame{ping(long)}, pong(long)),
		clean("2.7", byFrame, []frame{pong("")}),
		clean("2.8", byFrame, []frame{pong("unsolicited pong payload")}),
		clean("2.9", byFrame, []frame{pong("unsolicited pong payload"), ping("ping payload")}, pong("ping payload")),
		clean("2.10", byFrame, tenPings, tenPongs...),
		clean("2.11", byOctet, tenPings, tenPongs...),
	}
}

func reserved() (all []check) {
	hello := text8("Hello, world!")
	with := func(f frame, rsv int) frame {
		f.rsv = rsv
		return f
	}
	all = []check{
		fails("3.1", byFrame, []frame{with(hello, 1)}),
		fails("3.2", together, []frame{hello, with(hello, 2), ping("")}, hello),
		fails("3.3", byFrame, []frame{hello, with(hello, 3), ping("")}, hello),
		fails("3.4", byOctet, []frame{hello, with(hello, 4), ping("")}, hello),
		fails("3.5", byFrame, []frame{with(binary8("\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), 5)}),
		fails("3.6", byFrame, []frame{with(ping("Hello, world!"), 6)}),
		fails("3.7", byFrame, []frame{with(frame{op: opClose}, 7)}),
	}
	for i := range 5 {
		for group, base := range map[string]int{"4.1": 3, "4.2": 11} {
			bad := frame{op: base + i}
			if i%2 == 1 {
				bad.payload = "Hello, world!"
			}
			number := fmt.Sprintf("%s.%d", group, i+1)
			switch {
			case i < 2:
				all = append(all, fails(number, byFrame, []frame{bad}))
			case i < 4:
				all = append(all, fails(number, together, []frame{hello, bad, ping("")}, hello))
			default:
				all = append(all, fails(number, byOctet, []frame{hello, bad, ping("")}, hello))
			}
		}
	}
	return all
}

func fragmentation() []check {
	first, middle, last := frame{op: opText, more: true, payload: "fragment1"}, frame{more: true, payload: "fragment2"}, frame{payload: "fragment2"}
	both := text8("fragment1fragment2")
	control := func(op int) []frame { return []frame{{op: op, more: true, payload: "fragment1"}, last} }
	nothing := func(more bool) []frame {
		return []frame{{more: more, payload: "non-continuation payload"}, text8("Hello, world!")}
	}
	twice := func(more bool) []frame {
		one := []frame{{more: more, payload: "fragment1"}, {op: opText, more: true, payload: "fragment2"}, {payload: "fragment3"}}
		return append(one, one...)
	}
	five := []frame{first, middle, ping("pongme 1!"), {more: true, payload: "fragment3"}, {more: true, payload: "fragment4"}, ping("pongme 2!"), {payload: "fragment5"}}
	fives := []frame{pong("pongme 1!"), pong("pongme 2!"), text8("fragment1fragment2fragment3fragment4fragment5")}
	return []check{
		fails("5.1", byFrame, control(opPing)),
		fails("5.2", byFrame, control(opPong)),
		{number: "5.3", how: together, send: []frame{first, last, cleanly}, want: []frame{both, cleanly}, racing: true},
		clean("5.4", byFrame, []frame{first, last}, both),
		clean("5.5", byOctet, []frame{first, last}, both),
		{number: "5.6", how: together, send: []frame{first, ping("ping payload"), last, cleanly}, want: []frame{pong("ping payload"), both, cleanly}, racing: true},
		clean("5.7", byFrame, []frame{first, ping("ping payload"), last}, pong("ping payload"), both),
		clean("5.8", byOctet, []frame{first, ping("ping payload"), last}, pong("ping payload"), both),
		fails("5.9", together, nothing(false)),
		fails("5.10", byFrame, nothing(false)),
		fails("5.11", byOctet, nothing(false)),
		fails("5.12", together, nothing(true)),
		fails("5.13", byFrame, nothing(true)),
		fails("5.14", byOctet, nothing(true)),
		fails("5.15", together, []frame{first, last, {more: true, payload: "fragment3"}, text8("fragment4")}, both),
		fails("5.16", byFrame, twice(true)),
		fails("5.17", byFrame, twice(false)),
		fails("5.18", together, []frame{first, text8("fragment2")}),
		{number: "5.19", how: together, send: append(slices.Clone(five), cleanly), want: append(slices.Clone(fives), cleanly), racing: true},
		clean("5.20", byFrame, five, fives...),
	}
}

// sequences are those of Markus Kuhn's decoder test, in the order of the suite, by group.
func sequences() [][]string {
	greek := "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	var prefixes []string
	for i := range len(greek) {
		prefixes = append(prefixes, greek[:i+1])
	}
	var continuations []byte
	for b := 0x80; b < 0xbf; b++ {
		continuations = append(continuations, byte(b))
	}
	var lonely []string
	for _, r := range [][2]int{{0xc0, 0xdf}, {0xe0, 0xef}, {0xf0, 0xf7}, {0xf8, 0xfb}, {0xfc, 0xfd}} {
		var s []byte
		for b := r[0]; b < r[1]; b++ {
			s = append(s, byte(b), ' ')
		}
		lonely = append(lonely, string(s))
	}
	missing := []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"}
	nonCharacters := []string{"\xef\xbf\xbe", "\xef\xbf\xbf"}
	for plane := rune(1); plane <= 16; plane++ {
		nonCharacters = append(nonCharacters, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return [][]string{
		{"hello\x24world", "hello\xc2\xa2world", "hello\xe2\x82\xacworld", "hello\xf0\xa4\xad\xa2world", greek},
		prefixes,
		{"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"},
		{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"},
		{"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"},
		{"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80"},
		{"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", string(continuations)},
		lonely,
		missing,
		{strings.Join(missing, "")},
		{"\xfe", "\xff", "\xfe\xfe\xff\xff"},
		{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"},
		{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"},
		{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"},
		{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"},
		{"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf", "\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"},
		nonCharacters,
		{"\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf"},
	}
}

func utf8Handling() []check {
	empty, greek := frame{more: true}, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	hello := "Hello-µ@ßöäüàá-UTF-8!!"
	bad := greek + "\xed\xa0\x80" + "edited"
	beyond := greek + "\xf4\x90\x80\x80" + "edited"
	parts := func(payload string, at ...int) (frames []frame) {
		frames = []frame{{op: opText, more: true, payload: payload[:at[0]]}, {more: true, payload: payload[at[0]:at[1]]}, {payload: payload[at[1]:]}}
		return frames
	}
	all := []check{
		clean("6.1.1", byFrame, []frame{text8("")}, text8("")),
		clean("6.1.2", byFrame, []frame{{op: opText, more: true}, empty, {}}, text8("")),
		clean("6.1.3", byFrame, []frame{{op: opText, more: true}, {more: true, payload: "middle frame payload"}, {}}, text8("middle frame payload")),
		clean("6.2.1", byFrame, []frame{text8(hello)}, text8(hello)),
		clean("6.2.2", byFrame, []frame{{op: opText, more: true, payload: hello[:12]}, {payload: hello[12:]}}, text8(hello)),
		clean("6.2.3", byFrame, fragments(opText, 1, hello), text8(hello)),
		clean("6.2.4", byFrame, fragments(opText, 1, greek), text8(greek)),
		{number: "6.3.1", send: []frame{text8(bad)}, want: []frame{notUTF8}},
		{number: "6.3.2", send: fragments(opText, 1, bad), want: []frame{notUTF8}},
		// At the end of the message, which the suite calls not strict.
		{number: "6.4.1", send: parts(beyond, 11, 15), want: []frame{notUTF8}},
		{number: "6.4.2", send: parts(beyond, 12, 13), want: []frame{notUTF8}},
		{number: "6.4.3", how: byOctet, send: []frame{text8(beyond)}, want: []frame{notUTF8}},
		{number: "6.4.4", how: byOctet, send: []frame{text8(beyond)}, want: []frame{notUTF8}},
	}
	for i, group := range sequences() {
		for j, s := range group {
			number := fmt.Sprintf("6.%d.%d", i+5, j+1)
			if utf8.ValidString(s) {
				all = append(all, clean(number, byFrame, []frame{text8(s)}, text8(s)))
			} else {
				all = append(all, check{number: number, send: []frame{text8(s)}, want: []frame{notUTF8}})
			}
		}
	}
	return all
}

func closeHandling() []check {
	hello := text8("Hello World!")
	large := text8(strings.Repeat("BAsd7&jh23", 256<<10/10))
	longest := closeFrame(1000, strings.Repeat("*", 123))
	all := []check{
		clean("7.1.1", byFrame, []frame{hello}, hello),
		{number: "7.1.2", send: []frame{cleanly, {op: opClose}}, want: []frame{cleanly}},
		{number: "7.1.3", send: []frame{cleanly, ping("")}, want: []frame{cleanly}},
		{number: "7.1.4", send: []frame{cleanly, hello}, want: []frame{cleanly}},
		{number: "7.1.5", send: []frame{{op: opText, more: true, payload: "fragment1"}, cleanly, {payload: "fragment2"}}, want: []frame{cleanly}},
		{number: "7.1.6", how: together, send: []frame{large, hello, cleanly, ping("")}, want: []frame{large, hello, cleanly}, racing: true},
		{number: "7.3.1", send: []frame{{op: opClose}}, want: []frame{{op: opClose}}},
		{number: "7.3.2", send: []frame{{op: opClose, payload: "a"}}, want: []frame{{op: opClose}}}, // "protocol error or drop TCP", or a close without a code
		{number: "7.3.3", send: []frame{cleanly}, want: []frame{cleanly}},
		{number: "7.3.4", send: []frame{closeFrame(1000, "Hello World!")}, want: []frame{cleanly}},
		{number: "7.3.5", send: []frame{longest}, want: []frame{cleanly}},
		fails("7.3.6", byFrame, []frame{closeFrame(1000, strings.Repeat("*", 124))}),
		fails("7.5.1", byFrame, []frame{closeFrame(1000, "\xce\xba\xed\xa0\x80edited")}),
		fails("7.13.1", byFrame, []frame{closeFrame(5000, "")}),
		fails("7.13.2", byFrame, []frame{closeFrame(65535, "")}),
	}
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		all = append(all, check{number: fmt.Sprintf("7.7.%d", i+1), send: []frame{closeFrame(code, "")}, want: []frame{closeFrame(code, "")}})
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		all = append(all, fails(fmt.Sprintf("7.9.%d", i+1), byFrame, []frame{closeFrame(code, "")}))
	}
	return all
}

// limits has those of 9 that are not about the time that they take, with fewer octets in
// many small parts than the suite sends, and 10.
func limits() (all []check) {
	for i, size := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
		text, bin := text8(strings.Repeat("*", size)), binary8(strings.Repeat("\xfe", size))
		all = append(all,
			clean(fmt.Sprintf("9.1.%d", i+1), byFrame, []frame{text}, text),
			clean(fmt.Sprintf("9.2.%d", i+1), byFrame, []frame{bin}, bin))
	}
	payload := strings.Repeat("*", 64<<10)
	for i, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10} {
		all = append(all,
			clean(fmt.Sprintf("9.3.%d", i+1), byFrame, fragments(opText, size, payload), text8(payload)),
			clean(fmt.Sprintf("9.4.%d", i+1), byFrame, fragments(opBinary, size, payload), binary8(payload)))
	}
	for i, chop := range []int{64, 128, 256, 512, 1024, 2048} {
		all = append(all,
			check{number: fmt.Sprintf("9.5.%d", i+1), how: together, chop: chop, send: []frame{text8(payload), cleanly}, want: []frame{text8(payload), cleanly}, racing: true},
			check{number: fmt.Sprintf("9.6.%d", i+1), how: together, chop: chop, send: []frame{binary8(payload), cleanly}, want: []frame{binary8(payload), cleanly}, racing: true})
	}
	for i, size := range []int{0, 16, 64, 256, 1024, 4096} {
		text, bin := text8(strings.Repeat("*", size)), binary8(strings.Repeat("\xfe", size))
		all = append(all,
			clean(fmt.Sprintf("9.7.%d", i+1), byFrame, slices.Repeat([]frame{text}, 1000), slices.Repeat([]frame{text}, 1000)...),
			clean(fmt.Sprintf("9.8.%d", i+1), byFrame, slices.Repeat([]frame{bin}, 1000), slices.Repeat([]frame{bin}, 1000)...))
	}
	whole := strings.Repeat("*", 65536)
	return append(all, clean("10.1.1", byFrame, fragments(opText, 1300, whole), text8(whole)))
}

func TestAutobahn(t *testing.T) {
	all := slices.Concat(framing(), pings(), reserved(), fragmentation(), utf8Handling(), closeHandling(), limits())
	require.Equal(t, 295, len(all)) //nolint:testifylint // Len would print them
	for _, c := range all {
		t.Run(c.number, func(t *testing.T) { synctest.Test(t, c.run) })
	}
}

func (c check) run(t *testing.T) {
	app, book := newApp()
	endpoint(app, websocket.New[websocket.Message, websocket.Message](websocket.Options{MessageLimit: 16 << 20}), echo)
	client := dialRaw(t, must(velithontest.New(t, app).Dial(t.Context(), "", "")), "")
	c.write(client)
	got := client.all()
	for i, f := range got {
		if f.op == opClose && len(f.payload) > 2 {
			require.True(t, utf8.ValidString(f.payload[2:]))
			got[i].payload = f.payload[:2]
		}
	}
	if c.racing && len(got) < len(c.want) { // the close has overtaken what was to be sent
		n := len(got) - 1
		c.want = append(slices.Clone(c.want[:n]), c.want[len(c.want)-1])
	}
	require.Equal(t, brief(c.want), brief(got))
	assert.Empty(t, book.String())
}

// brief says what frames are, without all of a payload.
func brief(frames []frame) (all []string) {
	for _, f := range frames {
		what := fmt.Sprintf("%d bytes %.40q", len(f.payload), f.payload)
		if f.op == opClose && len(f.payload) >= 2 {
			what = fmt.Sprint(binary.BigEndian.Uint16([]byte(f.payload)))
		}
		same := ""
		if len(f.payload) > 40 && strings.Trim(f.payload, f.payload[:1]) != "" && !strings.HasPrefix(f.payload, "BAsd") {
			same = f.payload
		}
		all = append(all, fmt.Sprintf("op %d more %t rsv %d %s%s", f.op, f.more, f.rsv, what, same))
	}
	return all
}

// write sends the frames, and waits in between for what they cause. A write fails once the
// server has closed.
func (c check) write(client *rawClient) {
	var chunks [][]byte
	for _, f := range c.send {
		switch c.how {
		case byOctet:
			chunks = slices.AppendSeq(chunks, slices.Chunk(f.bytes(), 1))
		case byFrame:
			chunks = append(chunks, f.bytes())
		default:
			chunks = append(chunks, f.bytes())
		}
	}
	if c.how == together {
		octets := bytes.Join(chunks, nil)
		chunks = [][]byte{octets}
		if c.chop > 0 {
			chunks = slices.Collect(slices.Chunk(octets, c.chop))
		}
	}
	for _, chunk := range chunks {
		if _, err := client.Write(chunk); err != nil {
			return
		}
		if c.how != together {
			synctest.Wait()
		}
	}
}
