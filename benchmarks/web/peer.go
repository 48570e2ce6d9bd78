package web

import "net"

// A Server is a peer's application with the routes of all items.
type Server interface {
	// NewCall makes the handler ready to be called for a request, again and
	// again, without a connection.
	NewCall(r Request) Call

	// Serve answers the connections of listener until Close.
	Serve(listener net.Listener) error

	// Close ends Serve, and what the application runs besides.
	Close() error
}

// A Call is the call of a handler for one request, for one goroutine.
type Call interface {
	// Do has the handler answer, with what a server does around it between
	// two requests on a connection.
	Do()

	// Response returns the last answer; body is valid until the next Do.
	Response() (status int, body []byte)
}

// A Peer is a framework, in one way of using it.
type Peer struct {
	Name string
	New  func(*Shop) Server
}

// Floor is the peer that the others are compared with.
const Floor = "floor"

// Peers returns all peers, the floor first.
func Peers() []Peer {
	return []Peer{
		{Floor, newFloor},
		{"floor-timeouts", newFloorTimeouts},
		{"floor-validator", newFloorValidator},
		{"floor-pond", newFloorPond},
		{"floor-safe", newFloorSafe},
		{"floor-safe-pond", newFloorSafePond},
		{"velithon", newVelithon},
		{"velithon-handle", newVelithonHandle},
		{"fiber", newFiber},
		{"fiber-gojson", newFiberGoJSON},
		{"hertz", newHertz},
		{"nethttp", newNetHTTP},
		{"chi", newChi},
		{"echo", newEcho},
		{"gin", newGin},
		{"fuego", newFuego},
		{"huma", newHuma},
	}
}
