package harness

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/velithon-go/velithon/benchmarks/figures"
)

// Module is the path before the packages of the benchmarks.
const Module = "github.com/velithon-go/velithon/benchmarks/"

// resultLimit is the time within which one result must be there, unless a Recorder says
// otherwise.
const resultLimit = 2 * time.Minute

// Build runs the go command with each of args by a toolchain, that of the
// environment if it is empty, and returns the toolchain's version.
func Build(ctx context.Context, toolchain string, args ...[]string) (version string, err error) {
	output, err := runGo(ctx, toolchain, "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	version = strings.TrimSpace(output)
	log.Printf("building with %s", version)
	for _, a := range args {
		if _, err := runGo(ctx, toolchain, a...); err != nil {
			return "", err
		}
	}
	return version, nil
}

func runGo(ctx context.Context, toolchain string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	if toolchain != "" {
		command.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain)
	}
	output, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return string(output), nil
}

// A Recorder keeps the results that processes print. The zero value is empty.
type Recorder struct {
	// Limit is the time within which one result must be there. Zero means two minutes.
	Limit time.Duration

	out bytes.Buffer
}

// Begin says what the results from now on belong to.
func (r *Recorder) Begin(toolchain string, round int) {
	_, _ = fmt.Fprintf(&r.out, "%s: %s\n%s: %d\n", figures.ConfigToolchain, toolchain, figures.ConfigRound, round)
}

// result matches what is kept of an output: results, and what they ran on. The
// toolchain and the round are for Begin to say.
var result = regexp.MustCompile(`(?m)^(Benchmark/.*|goos: .*|goarch: .*|cpu: .*)\n`)

// Run runs a process and keeps the results that it prints.
func (r *Recorder) Run(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.Limit, resultLimit))
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.WaitDelay = 10 * time.Second
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	if err := command.Run(); err != nil {
		return fmt.Errorf("%w\n%s%s", err, output.Bytes(), complaint.Bytes())
	}
	for _, line := range result.FindAll(output.Bytes(), -1) {
		r.out.Write(line)
	}
	return nil
}

// Results returns what was kept, in Go's benchmark format.
func (r *Recorder) Results() []byte { return r.out.Bytes() }

// Rounds calls round count times, and says how long each took.
func Rounds(count int, round func(n int) error) error {
	for n := range count {
		begin := time.Now()
		if err := round(n + 1); err != nil {
			return err
		}
		log.Printf("round %d of %d took %v", n+1, count, time.Since(begin).Round(time.Second))
	}
	return nil
}

// CheckNames returns an error for a given name that is not one of all.
func CheckNames(what string, given, all []string) error {
	for _, name := range given {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no %s %q, only %s", what, name, strings.Join(all, ", "))
		}
	}
	return nil
}
