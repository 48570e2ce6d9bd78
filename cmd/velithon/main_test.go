package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var proxyFolder = flag.String("proxy", "", "where TestModulesForAProxy keeps its files, for .ci/project")

// blockEnv has the test binary be a program that never serves.
const blockEnv = "VELITHON_TEST_BLOCK"

func TestMain(m *testing.M) {
	if os.Getenv(blockEnv) != "" {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt)
		<-signals
		return
	}
	flag.Parse()
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// velithon runs the command in the current folder.
func velithon(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// golang runs the go command in a folder.
func golang(t *testing.T, folder string, args ...string) string {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = folder
	output, err := command.CombinedOutput()
	require.NoError(t, err, "go %v: %s", args, output)
	return string(output)
}

// root returns the folder of the framework.
func root(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../..")
	require.NoError(t, err)
	return folder
}

func TestWrongCalls(t *testing.T) {
	for want, args := range map[string][]string{
		"velithon: there is no command \"nwe\": velithon --help lists them\n":                   {"nwe"},
		"velithon: the usage is: velithon new MODULE [flags]\n":                                 {"new"},
		"velithon: the usage is: velithon version\n":                                            {"version", "1"},
		"velithon: unknown flag: --yaml: see velithon openapi --help\n":                         {"openapi", "--yaml"},
		"velithon: \"shop\" is an argument of velithon: those of the program stand behind --\n": {"routes", "shop"},
		"velithon: \"a\" is an argument of velithon: those of the program stand behind --\n":    {"openapi", "a", "--", "b"},
	} {
		code, stdout, stderr := velithon(t, args...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.Equal(t, want, stderr)
	}
}

func TestHelp(t *testing.T) {
	code, stdout, stderr := velithon(t)
	assert.Equal(t, 0, code)
	assert.Empty(t, stderr)
	for _, command := range []string{"new ", "routes ", "openapi ", "completion ", "version "} {
		assert.Contains(t, stdout, "\n  "+command)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := velithon(t, "version")
	assert.Equal(t, 0, code)
	assert.Regexp(t, `^velithon \S* go1\.\d+\.\d+\n$`, stdout)
}

func TestCompletion(t *testing.T) {
	for shell, part := range map[string]string{
		"bash": "complete -o default -F __start_velithon velithon", "zsh": "#compdef velithon",
		"fish": "complete -c velithon", "powershell": "Register-ArgumentCompleter -CommandName 'velithon'",
	} {
		code, stdout, stderr := velithon(t, "completion", shell)
		assert.Equal(t, 0, code, stderr)
		assert.Contains(t, stdout, part)
	}
	_, stdout, _ := velithon(t, "__complete", "r")
	assert.Contains(t, stdout, "routes\tPrint the routes")
	_, stdout, _ = velithon(t, "__complete", "new", "")
	assert.Equal(t, ":4\n", stdout, "no files are offered for a name")
}
