package websocket

import (
	"fmt"
	"strings"
	"unicode/utf8"

	wire "github.com/fasthttp/websocket"
)

// The codes with which a connection is closed (RFC 6455, section 7.4). A service has 4000 to
// 4999 for its own.
const (
	Normal          = 1000 // the conversation has come to its end
	GoingAway       = 1001 // the app shuts down, or the page was left
	ProtocolError   = 1002 // the client does not keep to RFC 6455
	Unsupported     = 1003 // a binary message where JSON is wanted
	NoStatus        = 1005 // the client has given no code; never sent
	Abnormal        = 1006 // the connection was lost; never sent
	InvalidData     = 1007 // a text that is not UTF-8, or not JSON
	PolicyViolation = 1008 // a message that breaks a rule
	TooBig          = 1009 // a message beyond Options.MessageLimit
	InternalError   = 1011 // the function of Upgrade has failed
	TryAgainLater   = 1013 // for a client that is too slow, or one too many
)

// A CloseError says how a connection has ended: by the client, by the network, or by us.
// Receive and Send return it from then on. As the result of the function that
// [Socket.Upgrade] is given it closes the connection with its code and reason.
type CloseError struct {
	Code   int    // of the constants, or 3000 to 4999
	Reason string // for people; at most 123 bytes are sent
}

// Error has the code and the reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("websocket: closed with code %d", e.Code)
	}
	return fmt.Sprintf("websocket: closed with code %d: %s", e.Code, e.Reason)
}

// maxReason is how many bytes of a reason have room in a frame: 125 with the code.
const maxReason = 123

// frame returns the payload of the frame that closes with e.
func (e *CloseError) frame() []byte {
	if !isSent(e.Code) {
		return nil // 1005: the client has given none
	}
	reason := strings.ToValidUTF8(e.Reason, "\uFFFD") // or a client could not read it
	for len(reason) > maxReason {
		_, size := utf8.DecodeLastRuneInString(reason)
		reason = reason[:len(reason)-size]
	}
	return wire.FormatCloseMessage(e.Code, reason)
}

// isSent reports whether a code may be in a frame.
func isSent(code int) bool {
	switch {
	case 3000 <= code && code <= 4999:
		return true
	case code == 1004, code == NoStatus, code == Abnormal:
		return false
	}
	return Normal <= code && code <= 1014
}
