package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A description is what a program tells of its app: see describeto.go of the framework.
type description struct {
	Routes        []route `json:"routes"`
	Document      string  `json:"document"`
	DocumentError string  `json:"document_error"`
}

type route struct {
	Method   string    `json:"method"`
	Pattern  string    `json:"pattern"`
	Name     string    `json:"name,omitempty"`
	Handler  string    `json:"handler"`
	Security [][]guard `json:"security"` // one of them is needed, and all that is in it
}

type guard struct {
	Scheme string   `json:"scheme"`
	Scopes []string `json:"scopes,omitempty"`
}

// patience is how long a program may take until it would serve.
const patience = time.Minute

// describe builds the program in the current folder so that its app describes itself in
// place of serving, and runs it with args.
func describe(ctx context.Context, args []string) (d description, err error) {
	if err := checkProgram(ctx); err != nil {
		return d, err
	}
	folder, err := os.MkdirTemp("", "velithon-")
	if err != nil {
		return d, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file, program := filepath.Join(folder, "description.json"), filepath.Join(folder, "program.exe") // on Windows it needs an extension
	flags := "-X " + quoted(framework+".describeTo="+file)
	if _, err := goCommand(ctx, "build", "-buildvcs=false", "-o", program, "-ldflags", flags, "."); err != nil {
		return d, err
	}
	if err := runProgram(ctx, patience, file, program, args...); err != nil {
		return d, err
	}
	text, err := os.ReadFile(file) //nolint:gosec // its name is ours
	if err != nil {
		return d, err
	}
	err = json.Unmarshal(text, &d)
	return d, err
}

// checkProgram fails if there is no program on the framework in the current folder: others
// would be run as they are.
func checkProgram(ctx context.Context) error {
	text, err := goCommand(ctx, "list", "-f", "{{.Name}}{{range .Deps}} {{.}}{{end}}", ".")
	if err != nil {
		return err
	}
	name, imported, _ := strings.Cut(strings.TrimSpace(text), " ")
	if name != "main" {
		return fmt.Errorf("the package %s in this folder is no program: change to the folder of package main", name)
	}
	if !slices.Contains(strings.Fields(imported), framework) {
		return fmt.Errorf("the program in this folder does not import %s", framework)
	}
	return nil
}

// goCommand runs the go command, and returns what it writes. Its error has what it says.
func goCommand(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are ours
	output, err := command.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("go %s: %w\n\n%s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return string(output), err
}

// quoted returns a linker flag as one word, whatever the path in it.
func quoted(flag string) string {
	if strings.Contains(flag, "'") {
		return `"` + flag + `"`
	}
	return "'" + flag + "'"
}

// runProgram runs a program that is to write a file within a time. What it prints is told if
// it does not.
func runProgram(ctx context.Context, within time.Duration, file, program string, args ...string) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	command := exec.CommandContext(limited, program, args...) //nolint:gosec // it is the user's own
	command.WaitDelay = time.Second                           // of what it has started
	output, err := command.CombinedOutput()
	if _, missing := os.Stat(file); err == nil && missing == nil {
		return nil
	}
	var reason string
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case limited.Err() != nil:
		reason = fmt.Sprintf("the program has not begun to serve within %s, and was ended", within)
	case err != nil:
		reason = fmt.Sprintf("the program has ended before it would serve: %v", err)
	default:
		reason = "the program has ended without an app that would serve"
	}
	if said := withoutStacks(string(output)); said != "" {
		reason += ". It says:\n\n" + said
	}
	return errors.New(reason)
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[.*\]:$`)

// withoutStacks returns what a program prints up to the stacks of a panic.
func withoutStacks(output string) string {
	if at := goroutine.FindStringIndex(output); at != nil {
		output = output[:at[0]]
	}
	return strings.TrimSpace(output)
}
