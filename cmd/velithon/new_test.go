package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// newIn writes a service into a folder of its own, and returns that.
func newIn(t *testing.T, modulePath string) (folder, stdout string) {
	t.Helper()
	checkout := root(t)
	t.Chdir(t.TempDir())
	code, stdout, stderr := velithon(t, "new", "--replace", checkout, modulePath)
	require.Equal(t, 0, code, stderr)
	folder, err := filepath.Abs(filepath.Base(modulePath))
	require.NoError(t, err)
	return folder, stdout
}

func TestNewWritesAServiceThatPasses(t *testing.T) {
	folder, stdout := newIn(t, "example.com/ada/market")
	assert.Equal(t, "The service is in market. What to try next:\n\n\tcd market\n\tgo test ./...\n\tgo run .\n"+
		"\nIts go.mod has a replace to a folder of this machine: an image and CI can't be built before that is gone.\n", stdout)

	var files []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, name)
		}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, []string{
		".dockerignore", ".github/workflows/ci.yml", ".gitignore", "Dockerfile", "README.md", "app.go", "compose.yaml", "config.go", "config_test.go",
		"go.mod", "go.sum", "health.go", "health_test.go", "main.go", "main_test.go", "notes.go", "notes_test.go",
	}, files)
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(folder, file))
		require.NoError(t, err)
		assert.NotRegexp(t, `\bshop\b`, string(text), file)
	}

	golang(t, folder, "mod", "tidy", "-diff")
	golang(t, folder, "vet", "./...")
	golang(t, folder, "test", "./...")
	assert.Empty(t, golang(t, folder, "fmt", "./..."), "nothing to format")
	assert.Equal(t, "example.com/ada/market\n", golang(t, folder, "list", "./..."))
}

// The folder of the service is small enough to be read before it is changed.
func TestTheServiceIsSmall(t *testing.T) {
	lines := 0
	for file := range named {
		text, err := service.ReadFile(serviceFolder + "/" + file)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(text), serviceName), "%s: the name", file)
	}
	files, err := fs.Glob(service, serviceFolder+"/*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := service.ReadFile(file)
		require.NoError(t, err)
		if !strings.HasSuffix(file, "_test.go") {
			lines += strings.Count(string(text), "\n")
		}
	}
	assert.InDelta(t, 200, lines, 50, "lines of Go")
}

// What the service pins is what this repository does.
func TestVersionsOfTheService(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(text)
	}
	uses := regexp.MustCompile(`uses: .*`)
	ours := uses.FindAllString(read("../../.github/workflows/ci.yml"), -1)
	theirs := uses.FindAllString(read("_service/.github/workflows/ci.yml"), -1)
	require.NotEmpty(t, theirs)
	assert.Subset(t, ours, theirs)
	assert.Contains(t, read("../../go.mod"), "\ngo 1.26.0\n", "as in the go.mod that is written")
	assert.Contains(t, read("_service/Dockerfile"), "FROM golang:1.26 AS build\n")
	assert.Contains(t, read("_service/.github/workflows/ci.yml"), "go-version: 1.26.x\n")
}

func TestFolders(t *testing.T) {
	for modulePath, want := range map[string]string{
		"shop": "shop", "github.com/ada/shop": "shop", "example.com/ada/shop/v2": "shop", "a/b": "b", "Shop-1.x_~": "Shop-1.x_~", "test": "test",
	} {
		folder, err := folderOf(t.Context(), modulePath)
		require.NoError(t, err, modulePath)
		assert.Equal(t, want, folder)
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for modulePath, want := range map[string]string{
		"":            `"" can't be the path of a module: use letters, digits and -._~, as in shop or github.com/ada/shop`,
		".":           `"." can't be the path of a module`,
		"../shop":     `"../shop" can't be the path of a module`,
		"/shop":       `"/shop" can't be the path of a module`,
		"shop/":       `"shop/" can't be the path of a module`,
		"a shop":      `"a shop" can't be the path of a module`,
		"a\nb":        `"a\nb" can't be the path of a module`,
		"con":         `"con" can't be the path of a module`,
		"a.b/shop/v1": `"a.b/shop/v1" can't be the path of a module: a version at its end is /v2 or more`,
		".shop":       `".shop" can't be a folder of Go code: Go leaves out what begins with "."`,
		"a.b/_shop":   `"_shop" can't be a folder of Go code`,
		"main":        `"main" means something to Go already: use another name, or a path such as example.com/main`,
		"log":         `"log" means something to Go already`,
		"net/http":    `"net/http" means something to Go already`,
	} {
		code, _, stderr := velithon(t, "new", "--", modulePath)
		assert.Equal(t, 2, code, modulePath)
		assert.Contains(t, stderr, "velithon: "+want)
	}
	for _, word := range []string{"all", "cmd", "main", "std", "tool", "work"} {
		_, err := folderOf(t.Context(), word)
		assert.ErrorContains(t, err, "means something to Go already", word)
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, entries, "nothing was written")
}

func TestNewLeavesAloneWhatIsThere(t *testing.T) {
	checkout := root(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("shop", 0o755))
	require.NoError(t, os.WriteFile("shop/mine", nil, 0o600))
	code, _, stderr := velithon(t, "new", "--replace", checkout, "shop")
	assert.Equal(t, 1, code)
	assert.Equal(t, "velithon: the folder shop is there already, and not empty: give another name, or remove it\n", stderr)

	require.NoError(t, os.WriteFile("file", nil, 0o600))
	_, _, stderr = velithon(t, "new", "--replace", checkout, "file")
	assert.Equal(t, "velithon: file is there already, and no folder: give another name, or remove it\n", stderr)

	require.NoError(t, os.Remove("shop/mine"))
	code, _, stderr = velithon(t, "new", "--replace", checkout, "shop")
	assert.Equal(t, 0, code, stderr)
}

func TestNewInACheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, stderr := velithon(t, "new", "shop")
	assert.Equal(t, 1, code)
	assert.Equal(t, "velithon: this velithon was built in a checkout, so that no version of the framework goes with it: give the checkout, "+
		"velithon new --replace PATH MODULE, or install a released one, go install github.com/velithon-go/velithon/cmd/velithon@latest\n", stderr)

	require.NoError(t, os.WriteFile("go.mod", []byte("module example.com/other\n"), 0o600))
	for _, path := range []string{".", "missing"} {
		code, _, stderr = velithon(t, "new", "--replace", path, "shop")
		assert.Equal(t, 2, code)
		assert.Equal(t, "velithon: --replace "+path+": there is no go.mod of github.com/velithon-go/velithon\n", stderr)
	}
	assert.NoDirExists(t, "shop")
}

func TestTheFrameworkOfAReleasedCommand(t *testing.T) {
	for version, want := range map[string]string{
		"v0.3.1":                               "v0.3.1",
		"v0.4.0-rc.1":                          "v0.4.0-rc.1",
		"v0.3.2-0.20261129120000-0123456789ab": "0123456789ab",
		"v0.0.0-20261129120000-0123456789ab":   "0123456789ab",
	} {
		requirement, err := requirementOf(&debug.BuildInfo{Main: debug.Module{Version: version, Sum: "h1:"}}, "")
		require.NoError(t, err)
		assert.Equal(t, "require github.com/velithon-go/velithon "+want+"\n", requirement)
	}
	_, err := requirementOf(&debug.BuildInfo{Main: debug.Module{Version: "v0.3.2-0.20261129120000-0123456789ab+dirty"}}, "")
	require.ErrorContains(t, err, "was built in a checkout")
	_, err = requirementOf(nil, "")
	require.ErrorContains(t, err, "was built in a checkout")
}

func TestACheckoutWhosePathNeedsQuotes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a checkout")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module "+framework+"\n"), 0o600))
	requirement, err := requirementOf(nil, folder)
	require.NoError(t, err)
	parsed, err := modfile.Parse("go.mod", []byte("module shop\n"+requirement), nil)
	require.NoError(t, err)
	for _, r := range parsed.Replace {
		assert.Equal(t, filepath.Join(folder, strings.TrimPrefix(r.Old.Path, framework)), r.New.Path)
	}
	assert.Len(t, parsed.Replace, 1+len(others))
}

// A service in a checkout's neighbourhood can require each module that is made for services.
func TestOthers(t *testing.T) {
	checkout := root(t)
	notForServices := []string{"benchmarks", "cmd", "examples", "openapi", "trials"}
	var want []string
	require.NoError(t, filepath.WalkDir(checkout, func(path string, entry fs.DirEntry, err error) error {
		switch name, _ := filepath.Rel(checkout, filepath.Dir(path)); {
		case err != nil:
			return err
		case strings.HasPrefix(entry.Name(), ".") && entry.IsDir() && path != checkout:
			return filepath.SkipDir
		case entry.Name() == "go.mod" && name != "." && !slices.Contains(notForServices, strings.Split(name, string(filepath.Separator))[0]):
			want = append(want, filepath.ToSlash(name))
		}
		return nil
	}))
	assert.ElementsMatch(t, want, others)
}

func TestWhenTidyFails(t *testing.T) {
	checkout := root(t)
	t.Chdir(t.TempDir())
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	code, _, stderr := velithon(t, "new", "--replace", checkout, "shop")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "velithon: the files are in shop, but \"go mod tidy\" has failed there (exit status 1): run it again when its fault is mended\n\n")
	assert.Contains(t, stderr, "GOPROXY=off", "what go says")
	assert.FileExists(t, "shop/app.go")
}

func TestNewInAWorkspace(t *testing.T) {
	checkout := root(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("go.work", []byte("go 1.26.0\n"), 0o600))
	code, stdout, stderr := velithon(t, "new", "--replace", checkout, "shop")
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stdout, "\nThis folder is in a workspace, which the service has to belong to: go work use shop\n")
	golang(t, ".", "work", "use", "shop")
	golang(t, "shop", "vet", ".")
}
