// Package web compares web frameworks: the same work in each of them, written
// as its own users would write it, checked by real requests before it is timed.
//
// A [Peer] is a framework, an [Item] is a piece of work. One file holds one
// peer; fast.go and std.go hold what the peers on fasthttp and on net/http have
// in common.
package web
