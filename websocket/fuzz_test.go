package websocket_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/velithontest"
	"github.com/velithon-go/velithon/websocket"
)

// fuzzLimit is the MessageLimit of the fuzzed server.
const fuzzLimit = 40

// FuzzFrames sends any octets as frames, and compares what is heard with what a slow reader
// says that RFC 6455 wants: echoes, pongs, and the code of the close.
func FuzzFrames(f *testing.F) {
	for _, c := range append(append(append(pings(), reserved()...), fragmentation()...), closeHandling()...) {
		var octets []byte
		for _, one := range c.send {
			octets = append(octets, one.bytes()...)
		}
		if len(octets) < 300 {
			f.Add(octets)
		}
	}
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Add(append(frame{op: opText, more: true, payload: "1234567890123456789012345678901234567890"}.bytes(), frame{payload: "1"}.bytes()...))
	f.Add(frame{op: opText, payload: "\xed\xa0\x80"}.bytes())
	f.Add(frame{op: opText, payload: "hello", unmasked: true}.bytes())
	f.Fuzz(func(t *testing.T, octets []byte) {
		if len(octets) > 300 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			app, book := newApp()
			endpoint(app, websocket.New[websocket.Message, websocket.Message](websocket.Options{MessageLimit: fuzzLimit}), echo)
			client := dialRaw(t, must(velithontest.New(t, app).Dial(t.Context(), "", "")), "")
			for i := range octets { // one by one, so that no close overtakes an echo
				if _, err := client.Write(octets[i : i+1]); err != nil {
					break
				}
				synctest.Wait()
			}
			require.NoError(t, client.Close())
			got := client.all()
			for i := range got {
				if got[i].op == opClose && len(got[i].payload) > 2 {
					got[i].payload = got[i].payload[:2]
				}
			}
			require.Equal(t, brief(reference(octets)), brief(got), "%x", octets)
			require.Empty(t, book.String())
		})
	})
}

// reference returns what a server that echoes sends for these octets.
func reference(octets []byte) (heard []frame) {
	var message *frame // that has begun
	for {
		if len(octets) < 2 {
			return heard
		}
		op, more, rsv := int(octets[0]&15), octets[0]&0x80 == 0, octets[0]>>4&7
		masked, size := octets[1]&0x80 != 0, uint64(octets[1]&0x7f)
		octets = octets[2:]
		control := op >= opClose
		switch {
		case rsv != 0, !masked, op > opBinary && op < opClose, op > opPong,
			control && (more || size > 125),
			(op == opText || op == opBinary) && message != nil,
			op == opContinue && message == nil:
			return append(heard, failed)
		}
		extended := map[uint64]int{126: 2, 127: 8}[size]
		if len(octets) < extended {
			return heard
		}
		if extended > 0 {
			size = binary.BigEndian.Uint64(append(make([]byte, 8-extended), octets[:extended]...))
		}
		octets = octets[extended:]
		if size > 1<<63-1 { // before the mask
			return append(heard, closeFrame(1009, ""))
		}
		if len(octets) < 4 {
			return heard
		}
		mask := octets[:4]
		octets = octets[4:]
		if !control {
			if message == nil {
				message = &frame{op: op}
			}
			if uint64(len(message.payload))+size > fuzzLimit {
				return append(heard, closeFrame(1009, ""))
			}
		}
		if uint64(len(octets)) < size {
			return heard
		}
		var payload []byte
		for i, b := range octets[:size] {
			payload = append(payload, b^mask[i%4])
		}
		octets = octets[size:]
		switch op {
		case opPing:
			heard = append(heard, pong(string(payload)))
		case opPong:
		case opClose:
			return append(heard, closeOf(payload))
		default:
			if message.payload += string(payload); more {
				continue
			}
			if message.op == opText && !utf8.ValidString(message.payload) {
				return append(heard, notUTF8)
			}
			heard = append(heard, *message)
			message = nil
		}
	}
}

// closeOf returns the answer to a close.
func closeOf(payload []byte) frame {
	if len(payload) < 2 {
		return frame{op: opClose}
	}
	code := int(binary.BigEndian.Uint16(payload))
	known := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1013 || code >= 3000 && code <= 4999
	if !known || !utf8.Valid(payload[2:]) {
		return failed
	}
	return closeFrame(code, "")
}
