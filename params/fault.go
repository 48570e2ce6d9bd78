package params

// maxFaults is how many faults are told of one request. One more is kept, so that
// it shows that there are more.
const maxFaults = 100

// fewFaults is how many faults there is room for at first.
const fewFaults = 8

// codeRequired is the code of a value that is absent.
const codeRequired = "required"

// A fault is one thing wrong with a request, as it is told to the client.
type fault struct {
	order   int    // of the field that it belongs to, among those of the input
	in      string // the source
	name    string // the parameter; empty in a body
	pointer string // the place in a body
	code    string
	detail  string
}

// faults are what is wrong with a request, in the order in which it was found.
type faults []fault

// add adds a fault, if there is room.
func (f *faults) add(one fault) {
	if f.full() {
		return
	}
	if *f == nil {
		*f = make(faults, 0, fewFaults)
	}
	*f = append(*f, one)
}

// full reports whether more faults would not be told.
func (f *faults) full() bool { return len(*f) > maxFaults }
