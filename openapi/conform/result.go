package conform

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A result is what came of the requests of one mode to an operation. It is what rapid takes
// for a test, so that its words about draws are not those of a report.
type result struct {
	name     string
	sent     int
	undrawn  int // no request was found that keeps to the document, or breaks it
	lenient  int // refused by rules that no schema says
	byStatus map[int]int

	found  *fault // the last, which is the smallest
	failed bool
	seed   string // the flag that draws it again
	flaky  bool
}

// counts says what was sent.
func (r *result) counts() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests:", r.sent)
	for _, status := range slices.Sorted(maps.Keys(r.byStatus)) {
		fmt.Fprintf(&b, " %d × %d", r.byStatus[status], status)
	}
	if r.lenient > 0 {
		fmt.Fprintf(&b, "; %d of them refused by rules that no schema says, which is let pass", r.lenient)
	}
	if r.undrawn > 0 {
		fmt.Fprintf(&b, "; %d could not be drawn", r.undrawn)
	}
	return b.String()
}

var seedFlag = regexp.MustCompile(`-rapid\.seed=\d+`)

// Errorf is told by rapid what it has found.
func (r *result) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.failed = true
	r.seed = seedFlag.FindString(text)
	r.flaky = strings.Contains(text, "flaky")
	if r.found == nil { // a panic of this package, or too few draws
		r.found = &fault{what: text}
	}
	r.found.flaky = r.flaky
}

// The other methods of rapid.TB.
func (r *result) Helper()                   {}
func (r *result) Name() string              { return "conform/" + r.name }
func (r *result) Logf(string, ...any)       {}
func (r *result) Log(...any)                {}
func (r *result) Skipf(string, ...any)      {}
func (r *result) Skip(...any)               {}
func (r *result) SkipNow()                  {}
func (r *result) Error(args ...any)         { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *result) Fatalf(f string, a ...any) { r.Errorf(f, a...) }
func (r *result) Fatal(args ...any)         { r.Error(args...) }
func (r *result) FailNow()                  { r.failed = true }
func (r *result) Fail()                     { r.failed = true }
func (r *result) Failed() bool              { return r.failed }

// A fault is an answer that is not what the document says.
type fault struct {
	what    string // the same for the same fault
	detail  string
	at      string // the place in the document, a JSON pointer
	request string // as a command
	broken  string // how the request is not valid; "" for one that is
	answer  string
	flaky   bool
}

// report is for people.
func (f *fault) report(seed string) string {
	var b strings.Builder
	b.WriteString(f.what)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n%-9s %s", name+":", strings.ReplaceAll(text, "\n", "\n          "))
		}
	}
	line("Detail", f.detail)
	line("Document", f.at)
	line("Broken", f.broken)
	line("Request", f.request)
	line("Answer", f.answer)
	if f.flaky {
		line("Note", "the same request was answered in another way when it was sent again: the service keeps a state")
	}
	if seed != "" {
		line("Again", "go test "+seed)
	}
	return b.String()
}
