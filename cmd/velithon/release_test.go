package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// released is the version that the modules have in the proxy of the test.
const released = "v0.0.1"

// The framework and the command go through a module proxy, as they would if they were
// released: the command can be installed, with all files of the service in it, and it
// makes a go.mod without a replace. .ci/project goes on with what is kept in -proxy.
func TestModulesForAProxy(t *testing.T) {
	folder := *proxyFolder
	if folder == "" {
		folder = t.TempDir()
	}
	release(t, folder, root(t), framework)
	zipped := release(t, folder, filepath.Join(root(t), "cmd", "velithon"), framework+"/cmd/velithon")
	for _, file := range []string{"main.go", "_service/app.go", "_service/Dockerfile", "_service/.gitignore", "_service/.github/workflows/ci.yml"} {
		assert.Contains(t, zipped, file)
	}
	text, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	parsed, err := modfile.Parse("go.mod", text, nil)
	require.NoError(t, err)
	assert.Empty(t, parsed.Replace, "go install refuses a module with a replace")
}

// release puts a module into a folder as a proxy has it, and returns its files.
func release(t *testing.T, proxy, source, modulePath string) (names []string) {
	t.Helper()
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	list.Dir = source
	output, err := list.Output()
	require.NoError(t, err)
	var files []zip.File
	for line := range strings.Lines(string(output)) {
		file := sourceFile{source, strings.TrimSuffix(line, "\n")}
		if _, err := os.Stat(file.path()); err == nil { // else it is removed, and not committed
			files = append(files, file)
		}
	}
	// What nested modules have is left out, as go does it.
	checked, err := zip.CheckFiles(files)
	require.NoError(t, err)
	var zipped bytes.Buffer
	require.NoError(t, zip.Create(&zipped, module.Version{Path: modulePath, Version: released}, files))

	versions := filepath.Join(proxy, filepath.FromSlash(modulePath), "@v")
	require.NoError(t, os.MkdirAll(versions, 0o755))
	requirements, err := os.ReadFile(filepath.Join(source, "go.mod"))
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"list":             []byte(released + "\n"),
		released + ".info": []byte(`{"Version":"` + released + `"}`),
		released + ".mod":  requirements,
		released + ".zip":  zipped.Bytes(),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(versions, name), content, 0o600))
	}
	return checked.Valid
}

// A sourceFile is a file of a module.
type sourceFile struct{ folder, name string }

func (f sourceFile) path() string                 { return filepath.Join(f.folder, filepath.FromSlash(f.name)) }
func (f sourceFile) Path() string                 { return path.Clean(f.name) }
func (f sourceFile) Lstat() (os.FileInfo, error)  { return os.Lstat(f.path()) }
func (f sourceFile) Open() (io.ReadCloser, error) { return os.Open(f.path()) }
