package main

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// A balancer passes connections on to backends in turn, byte by byte. When one
// refuses a connection it tries the next.
type balancer struct {
	listener    net.Listener
	connections sync.WaitGroup

	// rotation is locked for reading while a connection is made, so that after
	// remove no more are.
	rotation sync.RWMutex
	backends []string // guarded by rotation
	turn     atomic.Uint32
}

func newBalancer() (*balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &balancer{listener: listener}, nil
}

func (b *balancer) add(address string) {
	b.rotation.Lock()
	defer b.rotation.Unlock()
	b.backends = append(b.backends, address)
}

// remove has no more connections made to a backend. Those that there are go on.
func (b *balancer) remove(address string) {
	b.rotation.Lock()
	defer b.rotation.Unlock()
	b.backends = slices.DeleteFunc(b.backends, func(a string) bool { return a == address })
}

// serve passes connections on until the listener is closed.
func (b *balancer) serve() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			break
		}
		b.connections.Go(func() { b.pass(client.(*net.TCPConn)) })
	}
	b.connections.Wait()
}

func (b *balancer) pass(client *net.TCPConn) {
	defer client.Close()
	backend, err := b.dial()
	if err != nil {
		return
	}
	defer backend.Close()
	var up sync.WaitGroup
	up.Go(func() { forward(backend, client) })
	forward(client, backend)
	up.Wait()
}

// forward sends what one side sends to the other one, and its end.
func forward(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if err != nil {
		// One of them was reset, so the other one is to know.
		_ = from.Close()
		_ = to.Close()
		return
	}
	_ = to.CloseWrite()
}

func (b *balancer) dial() (*net.TCPConn, error) {
	b.rotation.RLock()
	defer b.rotation.RUnlock()
	first := int(b.turn.Add(1))
	err := errors.New("no backend is left")
	for i := range b.backends {
		var conn net.Conn
		if conn, err = net.Dial("tcp", b.backends[(first+i)%len(b.backends)]); err == nil {
			return conn.(*net.TCPConn), nil
		}
	}
	return nil, err
}
