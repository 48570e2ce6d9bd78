// Package background compares Velithon's runner with what else runs work in Go
// that nobody waits for, or runs many tasks at once: each peer used as its own
// users would use it, and checked to do all of the work before it is timed.
//
// A [Peer] is a library or an idiom, one file each; an [Item] is what is timed.
package background
