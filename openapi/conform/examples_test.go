package conform_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
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
	module    bool // of its own
	args      []string
	env       []string
	options   conform.Options
	speaksTLS bool // with the files cert.pem and key.pem of its folder
}

var examples = map[string]example{
	"async":      {},
	"basic":      {},
	"batch":      {},
	"errors":     {options: conform.Options{Lenient: []string{"POST /risky-operation"}}}, // its task fails on purpose
	"feed":       {},
	"jobs":       {},
	"middleware": {env: []string{"KEY=secret"}, options: conform.Options{Change: authorize}},
	"multiple":   {},
	"order":      {env: []string{"ADA=secret"}, options: conform.Options{Change: authorize}},
	"patch":      {options: conform.Options{Path: map[string]string{"id": "7"}}},
	"shop": {
		module:  true,
		args:    []string{"-addr", "127.0.0.1:0", "-public", ".", "-rate", "100000000"},
		env:     []string{"JWT_SECRET=" + jwtSecret, "STAFF_KEY=the key of the staff", "OPS_PASSWORD=the password of ops"},
		options: conform.Options{Change: enterShop, Path: map[string]string{"sku": "pen"}},
	},
	"signup":  {},
	"tls":     {args: []string{"-listen", "127.0.0.1:0"}, speaksTLS: true},
	"upload":  {},
	"users":   {env: []string{"ADA=secret"}, options: conform.Options{Change: authorize}},
	"webhook": {env: []string{"SECRET=secret"}, options: conform.Options{Change: sign}},
	"chat":    {module: true},
	"durable": {module: true},
	"service": {module: true, args: []string{"-addr", "127.0.0.1:0"}, env: []string{"API_KEYS=ada=secret"}, options: conform.Options{Change: authorize}},
	"workers": {module: true, args: []string{"web"}},
}

func authorize(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") }

const jwtSecret = "0123456789abcdef0123456789abcdef"

// enterShop is a customer, or the staff.
func enterShop(r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/staff/") {
		r.Header.Set("X-Api-Key", "the key of the staff")
		return
	}
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"HS256"}`)) + "." + encode(fmt.Appendf(nil,
		`{"iss":"https://login.shop.example","aud":"shop","sub":"ada@example.org","exp":%d}`, time.Now().Add(time.Hour).Unix()))
	mac := hmac.New(sha256.New, []byte(jwtSecret))
	mac.Write([]byte(token))
	r.Header.Set("Authorization", "Bearer "+token+"."+encode(mac.Sum(nil)))
}

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
			at := e.start(t, filepath.Join(programs, name))
			document := get(t, at+"/openapi.json")
			keep(t, name, document)
			require.NoError(t, lint(document))
			e.options.Document, e.options.Requests = document, *requests
			conform.TestURL(t, at, e.options)
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
	if e.speaksTLS {
		writeCertificate(t, command.Dir)
	}
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
	if e.speaksTLS {
		return withoutTLS(t, "https://"+at)
	}
	return "http://" + at
}

// writeCertificate writes the certificate of package httptest with its key.
func writeCertificate(t *testing.T, folder string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600))
	}
}

// withoutTLS returns the URL of a proxy in front of a service that speaks TLS.
func withoutTLS(t *testing.T, service string) string {
	t.Helper()
	target, err := url.Parse(service)
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, DisableCompression: true} // nobody else is there
	proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
	})
	return proxy.URL
}

func get(t *testing.T, from string) []byte {
	t.Helper()
	response, err := http.Get(from)
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
