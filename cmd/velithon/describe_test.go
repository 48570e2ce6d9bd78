package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inExample changes into the folder of an example of the framework.
func inExample(t *testing.T, name string) {
	t.Helper()
	t.Setenv("ADA", "secret") // without which some do not start
	t.Chdir(filepath.Join(root(t), "examples", name))
}

func TestRoutes(t *testing.T) {
	inExample(t, "users")
	code, stdout, stderr := velithon(t, "routes")
	require.Equal(t, 0, code, stderr)
	assert.Empty(t, stderr)
	lines := strings.Split(stdout, "\n")
	assert.Equal(t, []string{
		"METHOD  PATTERN                                 GUARDED BY    HANDLER",
		"GET     /health                                 -             main.health",
		"GET     /api/me                                 token         main.me",
		"GET     /api/notes                              token         main.(*service).list",
		"DELETE  /api/notes/{id}                         token(admin)  main.(*service).remove",
	}, lines[:5])
	assert.Contains(t, stdout, "\nGET     /docs/page.css                          -             openapi.serveFile.func")
}

func TestRoutesAsJSON(t *testing.T) {
	inExample(t, "users")
	code, stdout, stderr := velithon(t, "routes", "--json")
	require.Equal(t, 0, code, stderr)
	var routes []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &routes))
	assert.Equal(t, map[string]any{
		"method": "DELETE", "pattern": "/api/notes/{id}", "handler": "main.(*service).remove-fm",
		"security": []any{[]any{map[string]any{"scheme": "token", "scopes": []any{"admin"}}}},
	}, routes[3])
}

// The document is the one that the program's test asks for, word for word.
func TestOpenAPI(t *testing.T) {
	inExample(t, "order")
	code, stdout, stderr := velithon(t, "openapi")
	require.Equal(t, 0, code, stderr)
	assert.Empty(t, stderr)
	assert.True(t, strings.HasPrefix(stdout, "{\n  \"openapi\": \"3.1.1\",\n  \"info\": {\n    \"title\": \"Shop\",\n"), "%.100s", stdout)
	assert.True(t, json.Valid([]byte(stdout)))
}

func TestWaysIntoARoute(t *testing.T) {
	for want, ways := range map[string][][]guard{
		"-":                                nil,
		"token":                            {{{Scheme: "token"}}},
		"key+token(read write) or nothing": {{{Scheme: "key"}, {"token", []string{"read", "write"}}}, {}},
	} {
		assert.Equal(t, want, guards(ways))
	}
	assert.Equal(t, "main.(*notes).remove (remove note)", handlerName(route{Handler: "example.com/shop/main.(*notes).remove-fm", Name: "remove note"}))
	assert.Equal(t, "main.me", handlerName(route{Handler: "main.me"}))
}

// write puts files into a folder.
func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
}

// A service that is started in a wrong way, and then is changed in wrong ways.
func TestProgramsThatCanNotBeDescribed(t *testing.T) {
	root := root(t)
	folder, _ := newIn(t, "market")
	t.Chdir(folder)
	requireError := func(want string, args ...string) {
		t.Helper()
		code, stdout, stderr := velithon(t, args...)
		require.Equal(t, 1, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, want)
		require.NotContains(t, stderr, "goroutine ")
	}

	// It does not listen: nobody may, at this address.
	code, stdout, stderr := velithon(t, "routes", "--", "-addr", "192.0.2.1:1")
	require.Equal(t, 0, code, stderr)
	page, err := os.ReadFile(filepath.Join(root, "docs", "project.md"))
	require.NoError(t, err)
	_, documented, _ := strings.Cut(string(page), "$ velithon routes\n")
	documented, _, _ = strings.Cut(documented, "```")
	require.Contains(t, documented, "POST    /notes ")
	require.True(t, strings.HasPrefix(stdout, documented), "docs/project.md has another table:\n%s", stdout)
	requireError("velithon: the program has ended before it would serve: exit status 2. It says:\n\n"+
		"service: -addr (ADDR) is \"8080\": want :port or host:port\n", "routes", "--", "-addr", "8080")
	requireError("exit status 2", "openapi", "--", "-addr", "8080")

	write(t, folder, map[string]string{"twice.go": `package main

import (
	"context"

	"github.com/velithon-go/velithon"
)

func init() {
	app := velithon.New(velithon.Options{})
	app.Get("/a", func(context.Context, struct{}) (string, error) { return "", nil })
	app.Get("/a", func(context.Context, struct{}) (string, error) { return "", nil })
}
`})
	requireError("the program has ended before it would serve: exit status 2. It says:\n\npanic: velithon: GET /a, handler main.init.0.func2 (registered at ", "routes")
	require.NoError(t, os.Remove("twice.go"))

	write(t, folder, map[string]string{"main.go": "package main\n\nfunc main() { serve() }\n"})
	requireError("velithon: go build: exit status 1\n\n", "routes")
	requireError("main.go:3:15: undefined: serve\n", "openapi")
	write(t, folder, map[string]string{"main.go": "package main\n\nimport \"shop/store\"\n\nfunc main() {}\n"})
	requireError("package shop/store is not in std", "routes")
	write(t, folder, map[string]string{"main.go": "package main\n\nfunc main() { println(\"done\") }\n\nfunc run(config) error { return askHealth(\"\") }\n"})
	requireError("velithon: the program has ended without an app that would serve. It says:\n\ndone\n", "routes")

	write(t, folder, map[string]string{"main.go": `package main

import (
	"context"

	"github.com/velithon-go/velithon"
)

func main() {
	app := velithon.New(velithon.Options{})
	app.Get("/a", func(context.Context, struct{}) (string, error) { return "", nil })
	_ = app.Run(":0")
}

func run(config) error { return askHealth("") }
`})
	requireError("velithon: the program serves no document: call openapi.Mount, of github.com/velithon-go/velithon/openapi, with its app\n", "openapi")
	code, stdout, stderr = velithon(t, "routes")
	require.Equal(t, 0, code, stderr)
	require.Equal(t, "METHOD  PATTERN  GUARDED BY  HANDLER\nGET     /a       -           main.main.func1\n", stdout)
}

func TestFoldersWithoutAProgram(t *testing.T) {
	code, _, stderr := velithon(t, "routes")
	assert.Equal(t, 1, code)
	assert.Equal(t, "velithon: the program in this folder does not import github.com/velithon-go/velithon\n", stderr)

	t.Chdir(filepath.Join(root(t), "health"))
	_, _, stderr = velithon(t, "routes")
	assert.Equal(t, "velithon: the package health in this folder is no program: change to the folder of package main\n", stderr)

	t.Chdir(t.TempDir())
	_, _, stderr = velithon(t, "openapi")
	assert.Contains(t, stderr, "velithon: go list: exit status 1\n\n")
	assert.Contains(t, stderr, "go.mod")
}

// The test binary is a program that never ends, see TestMain.
func TestAProgramThatDoesNotServe(t *testing.T) {
	t.Setenv(blockEnv, "yes")
	program, err := os.Executable()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "missing")
	err = runProgram(t.Context(), time.Millisecond, file, program)
	require.ErrorContains(t, err, "the program has not begun to serve within 1ms, and was ended")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.EqualError(t, runProgram(ctx, patience, file, program), "interrupted")
}

func TestStacksAreNotTold(t *testing.T) {
	for output, want := range map[string]string{
		"": "", "a\n": "a",
		"level=INFO\npanic: no\n\tmore\n\ngoroutine 1 [running]:\nmain.main()\n": "level=INFO\npanic: no\n\tmore",
		"panic: goroutine 1 [x]\n\ngoroutine 7 gp=0x1 m=0 mp=0x2 [running]:\n":   "panic: goroutine 1 [x]",
	} {
		assert.Equal(t, want, withoutStacks(output))
	}
}

func TestPathsForTheLinker(t *testing.T) {
	assert.Equal(t, `'a=/tmp/my folder/x"y'`, quoted(`a=/tmp/my folder/x"y`))
	assert.Equal(t, `"a=/tmp/ada's/x"`, quoted("a=/tmp/ada's/x"))

	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "ada's folder"))
	require.NoError(t, os.Mkdir(os.Getenv("TMPDIR"), 0o700))
	inExample(t, "users")
	code, _, stderr := velithon(t, "routes")
	require.Equal(t, 0, code, stderr)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is left behind")
}
