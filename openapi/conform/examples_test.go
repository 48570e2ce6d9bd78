package conform_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/openapi/conform"
)

var (
	requests  = flag.Int("requests", 20, "how many requests each operation of an example gets in each mode")
	documents = flag.String("documents", "", "a folder for the documents that were looked at; none if empty")
)

const repository = "../.."

// An example is a program of the repository.
type example struct {
	module  bool // of its own
	args    []string
	env     []string
	options conform.Options
}

var examples = map[string]example{
	"async":      {},
	"basic":      {},
	"batch":      {},
	"errors":     {options: conform.Options{Lenient: []string{"POST /risky-operation"}}}, // its task fails on purpose
	"jobs":       {},
	"middleware": {env: []string{"KEY=secret"}, options: conform.Options{Change: authorize}},
	"multiple":   {},
	"order":      {env: []string{"ADA=secret"}, options: conform.Options{Change: authorize}},
	"patch":      {options: conform.Options{Path: map[string]string{"id": "7"}}},
	"signup":     {},
	"upload":     {},
	"users":      {env: []string{"ADA=secret"}, options: conform.Options{Change: authorize}},
	"webhook":    {env: []string{"SECRET=secret"}, options: conform.Options{Change: sign}},
	"durable":    {module: true},
	"service":    {module: true, args: []string{"-addr", "127.0.0.1:0"}, env: []string{"API_KEYS=ada=secret"}, options: conform.Options{Change: authorize}},
	"workers":    {module: true, args: []string{"web"}},
}

func authorize(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") }

// sign signs the body as the senders of webhooks do. A body of any type has one.
func sign(r *http.Request) {
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "text/plain")
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(now + "."))
	if r.GetBody != nil {
		body, _ := r.GetBody()
		_, _ = io.Copy(mac, body)
	}
	r.Header.Set("X-Signature", "t="+now+",v1="+hex.EncodeToString(mac.Sum(nil)))
}

// Every example does what its document says, and linters find nothing in the document.
func TestExamples(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(repository, "examples", "*", "main.go"))
	require.NoError(t, err)
	require.Len(t, folders, len(examples))
	programs := build(t)
	for name, e := range examples {
		t.Run(name, func(t *testing.T) {
			url := e.start(t, filepath.Join(programs, name))
			document := get(t, url+"/openapi.json")
			keep(t, name, document)
			require.NoError(t, lint(document))
			e.options.Document, e.options.Requests = document, *requests
			conform.TestURL(t, url, e.options)
		})
	}
}

var port = regexp.MustCompile(`"(127\.0\.0\.1)?:8080"`)

// build builds the examples into a folder, which it returns: as they are, but for the port,
// which is any that is free.
func build(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	replaced := make(map[string]string)
	packages := []string{"build", "-overlay", filepath.Join(folder, "overlay.json"), "-o", folder + "/"}
	for name, e := range examples {
		file, err := filepath.Abs(filepath.Join(repository, "examples", name, "main.go"))
		require.NoError(t, err)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		replaced[file] = filepath.Join(folder, name+".go")
		require.NoError(t, os.WriteFile(replaced[file], port.ReplaceAll(text, []byte(`"127.0.0.1:0"`)), 0o600))
		if !e.module {
			packages = append(packages, "./examples/"+name)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o600))
	run := func(in string, args ...string) {
		command := exec.Command("go", args...)
		command.Dir = filepath.Join(repository, in)
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	run(".", packages...)
	for name, e := range examples {
		if e.module {
			run("examples/"+name, append(packages[:5:5], ".")...)
		}
	}
	return folder
}

var listening = regexp.MustCompile(`listening.* address=(\S+)`)

// start starts a program, which ends with the test, and returns its URL.
func (e example) start(t *testing.T, program string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	ctx, cancel := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, program, e.args...)
	command.Dir = t.TempDir()
	command.Env = append(append(os.Environ(), "TMPDIR="+command.Dir), e.env...)
	stderr, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		cancel() // its tasks may take long
		_ = command.Wait()
	})
	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewReader(stderr); ; {
			line, err := lines.ReadString('\n')
			if found := listening.FindStringSubmatch(line); found != nil {
				address <- found[1]
			}
			if err != nil {
				return
			}
		}
	}()
	at, ok := <-address
	require.True(t, ok, "it did not listen")
	return "http://" + at
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	require.Equal(t, 200, response.StatusCode)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return text
}

// keep writes a document into the folder for those of other linters.
func keep(t *testing.T, name string, document []byte) {
	t.Helper()
	if *documents == "" {
		return
	}
	file := filepath.Join(*documents, name+".json")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
	assert.NoError(t, os.WriteFile(file, document, 0o600))
}
