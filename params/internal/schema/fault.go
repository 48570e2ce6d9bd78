package schema

import "github.com/velithon-go/velithon/params/internal/rules"

// MaxFaults is how many faults are told of one request. One more is kept, to show
// that there are more.
const MaxFaults = 100

// fewFaults is how many faults there is room for at first.
const fewFaults = 8

// CodeUnknown is the code of a name that nothing has.
const CodeUnknown = "unknown"

// Unknown is what is told of such a name.
var Unknown = &rules.Broken{Code: CodeUnknown, Detail: "is unknown", Rule: CodeUnknown}

// A Fault is one thing wrong with a request, as it is told to the client.
type Fault struct {
	Order   int    // of the field that it belongs to, among those of the input
	In      string // the source
	Name    string // the parameter; empty in a body
	Pointer string // the place in a body
	Code    string
	Detail  string
	Index   int           // of the value in a parameter that has many, from 1; 0 for others
	Key     bool          // it is the key of a map
	Broken  *rules.Broken // what was asked; nil if that is not known
}

// Faults are what is wrong with a request, in the order in which it was found.
type Faults []Fault

// Add adds a fault, if there is room.
func (f *Faults) Add(one Fault) {
	if f.full() {
		return
	}
	if *f == nil {
		*f = make(Faults, 0, fewFaults)
	}
	*f = append(*f, one)
}

// full reports whether there is no room for another fault.
func (f *Faults) full() bool { return len(*f) > MaxFaults }
