// Attacks starts a service and attacks it, in one way after the other, while
// well-behaved clients go on. It measures what each attack costs, and fails
// when that is more than its bound, when the others are not served, or when
// the service does not recover.
//
//	go -C trials run ./attacks
//	go -C trials run ./attacks -only slow-headers,idle-flood
//	go -C trials run ./attacks -table attacks/README.md
//
// Each attack has a service of its own, a process, so that one does not begin
// with what another has left. It takes less than three minutes, and needs
// Linux and 12,000 file descriptors.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

var attacks = []attack{
	slowHeaders,
	slowBodies,
	slowReaders,
	slowStreams,
	pipelines,
	idleFlood,
	openConnections,
	refusedClients,
	bodyLimits,
	deepJSON,
	manyItems,
	manyFields,
	collidingKeys,
	headerFloods,
	compressed,
	workRejected,
	workBlocked,
	jobsLeft,
	jobsCancelled,
	jobsLater,
	jobsLimited,
	jobsUnknown,
}

func main() {
	log.SetFlags(0)
	if name := child.Name(); name != "" {
		if err := serve(name); err != nil {
			log.Fatal(err)
		}
		return
	}
	only := flag.String("only", "", "the `names` of the attacks to make, with commas; empty for all")
	file := flag.String("table", "", "the Markdown `file` whose table and list to replace with the new ones, between the lines <!-- attacks --> and <!-- end of attacks -->")
	flag.Parse()
	if err := run(os.Stdout, *only, *file); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, only, file string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	failed := 0
	var rows, texts strings.Builder
	for i := range chosen {
		a := &chosen[i]
		f, err := a.try(full)
		switch {
		case err != nil:
			failed++
			say("%s FAILED: %v\n", a.name, err)
			continue
		case len(f.broken) > 0:
			failed++
			say("%s FAILED: %s\n", a.name, strings.Join(f.broken, "; "))
		}
		say("%s", report(a, &f))
		rows.WriteString(row(a, &f))
		texts.WriteString("- `" + a.name + "`: " + a.does + ". What holds it: " + a.holds + ".\n")
	}
	table := tableHead + rows.String() + "\n" + texts.String()
	say("\n%s", table)
	if failed > 0 {
		return fmt.Errorf("%d of %d attacks did what they must not", failed, len(chosen))
	}
	if file == "" {
		return nil
	}
	return replaceTable(file, table)
}

// choose returns the attacks of a list of names.
func choose(only string) ([]attack, error) {
	if only == "" {
		return attacks, nil
	}
	var chosen []attack
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no attack %q", name)
		}
		chosen = append(chosen, attacks[i])
	}
	return chosen, nil
}

// report says what a trial has found.
func report(a *attack, f *figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %.1f s, %.1f s of processor, memory +%s, left +%s, goroutines +%d, files +%d, %d requests of guests p50 %v p99 %v, recovered after %.1f s, %d bytes of log\n",
		a.name, f.took.Seconds(), f.processor.Seconds(), megabytes(f.memory), megabytes(f.left), f.goroutines, f.files,
		f.guests, f.p50.Round(10*time.Microsecond), f.p99.Round(10*time.Microsecond), f.settled.Seconds(), f.logged)
	for _, status := range slices.Sorted(maps.Keys(f.statuses)) {
		fmt.Fprintf(&b, "    %d × %d\n", f.statuses[status], status)
	}
	for _, note := range f.notes {
		b.WriteString("    " + note + "\n")
	}
	return b.String()
}

const tableHead = "| attack | memory, MiB | goroutines | p99 of others, ms | memory left, MiB | recovered after, s |\n" +
	"| --- | --: | --: | --: | --: | --: |\n"

// row is the line of an attack in the table: each figure, and its bound.
func row(a *attack, f *figures) string {
	return fmt.Sprintf("| `%s` | %.0f of %d | %d of %d | %.1f of %d | %.0f of %d | %.1f of %.0f |\n", a.name,
		mib(f.memory), a.bounds.memory>>20, f.goroutines, a.bounds.goroutines,
		f.p99.Seconds()*1e3, a.bounds.p99.Milliseconds(), mib(max(0, f.left)), leftMemory>>20, f.settled.Seconds(), settleTime.Seconds())
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// replaceTable puts the table and the list between their marks in a document.
func replaceTable(file, table string) error {
	const begin, end = "<!-- attacks -->\n", "<!-- end of attacks -->\n"
	text, err := os.ReadFile(file) //nolint:gosec // the one that was asked for
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return fmt.Errorf("%s does not have the lines %sand %s", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+table+end+after), 0o600) //nolint:gosec // as above
}
