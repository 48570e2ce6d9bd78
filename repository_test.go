package velithon_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests in this file, in godoc_test.go and in documents_test.go are about
// the source itself: what reviews would have to look for again and again.

const module = "github.com/velithon-go/velithon"

// internal has the rooms of params.
const internal = module + "/params/internal"

// edges says which packages the Go files of a folder may import besides the
// standard library. A module stands for all of its packages. Test files may
// import the package they test, what is in front of it, and testModules, too.
var edges = []edge{
	{"background", []string{
		module + "/background/internal/expiring", module + "/background/internal/guard",
		module + "/background/internal/periodic", module + "/background/internal/pool",
		module + "/background/internal/recordable", module + "/background/internal/runall",
		module + "/background/internal/schedule", module + "/background/internal/tally",
		module + "/background/internal/wording",
	}},
	{"background/internal/schedule", []string{
		module + "/background/internal/alarm", module + "/background/internal/clock",
		module + "/background/internal/heap", module + "/background/internal/list",
		module + "/background/internal/queue", module + "/background/internal/quota",
		module + "/background/internal/room",
	}},
	{"background/internal/expiring", []string{module + "/background/internal/queue"}},
	{"background/internal/room", []string{module + "/background/internal/heap", module + "/background/internal/list"}},
	{"background/internal/*", nil}, // alarm, clock, guard, heap, list, periodic, pool, queue, quota, recordable, runall, tally, wording
	{"responses", []string{fasthttpModule, gojson, module + "/background"}},
	{"params", []string{
		fasthttpModule, gojson, validator,
		internal + "/bitset", internal + "/jsonread", internal + "/jsonscan", internal + "/kind", internal + "/memory", internal + "/rules", internal + "/schema",
	}},
	{"params/internal/jsonread", []string{
		gojson, internal + "/bitset", internal + "/jsonscan", internal + "/kind", internal + "/memory", internal + "/schema",
		internal + "/rules", validator, // in its tests, to make a schema
	}},
	{"params/internal/schema", []string{
		gojson, internal + "/jsonscan", internal + "/kind", internal + "/memory", internal + "/rules",
		validator, // in its tests, to make rules
	}},
	{"params/internal/rules", []string{gojson, validator, internal + "/kind", internal + "/memory"}},
	{"params/internal/jsonscan", []string{internal + "/memory"}},
	{"params/internal/kind", []string{gojson}},
	{"params/internal/*", nil}, // bitset, memory
	{"routing", []string{
		fasthttpModule, "github.com/fasthttp/router", validator,
		module + "/background", module + "/params", module + "/responses",
	}},
	{"serve", []string{fasthttpModule, module + "/responses"}},
	{"middleware", []string{
		fasthttpModule, module + "/background", module + "/params", module + "/responses", module + "/routing",
	}},
	{"dashboard", []string{
		fasthttpModule, module + "/background", module + "/dashboard/source", module + "/middleware", module + "/responses", module + "/routing",
	}},
	{"dashboard/source", []string{module + "/background"}},
	{"health", []string{
		module + "/background", module + "/responses",
		fasthttpModule, module + "/openapi", // in its tests
	}},
	{"openapi", []string{
		"go.yaml.in/yaml/v3", module + "/background", module + "/params", module + "/responses", module + "/routing", module + "/openapi/internal/jsonschema",
		fasthttpModule, validator, module + "/openapi/internal/torture", // in its tests
	}},
	{"openapi/internal/jsonschema", []string{
		module + "/params",
		fasthttpModule, // in its tests
	}},
	{"openapi/internal/torture", []string{
		fasthttpModule, module + "/background", module + "/openapi", module + "/openapi/internal/torture/other", module + "/params", module + "/responses", module + "/routing",
	}},
	{"openapi/internal/torture/other", nil},
	{".", []string{
		fasthttpModule, validator,
		module + "/background", module + "/params", module + "/responses", module + "/routing", module + "/serve",
	}},
	{"velithontest", []string{
		fasthttpModule, module, module + "/background", module + "/params", module + "/routing",
		module + "/responses", // in its tests
	}},
	{"examples/*", []string{
		fasthttpModule, module,
		module + "/background", module + "/dashboard", module + "/health", module + "/middleware", module + "/openapi", module + "/params", module + "/responses", module + "/routing",
		module + "/velithontest", // in their tests
	}},
}

// inFront is what stands in front of a package when it is tested.
var inFront = map[string][]string{"routing": {module + "/serve"}, "openapi": {module}, "middleware": {module, module + "/openapi"}, "health": {module}, "dashboard": {module, module + "/velithontest", module + "/openapi"}}

type edge struct {
	folder  string // as path.Match has it
	imports []string
}

const (
	fasthttpModule = "github.com/valyala/fasthttp"
	gojson         = "github.com/goccy/go-json"
	validator      = "github.com/go-playground/validator/v10"
)

// testModules are for test files only.
var testModules = []string{"github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid"}

func TestImportsKeepToTheEdges(t *testing.T) {
	nested := nestedModules(t)
	for _, file := range repositoryFiles(t, ".go") {
		if strings.Contains(file, "testdata/") || slices.ContainsFunc(nested, func(m string) bool { return within(file, m) }) {
			continue // not built, or with a go.mod of its own to say it
		}
		folder := path.Dir(file)
		row := slices.IndexFunc(edges, func(e edge) bool {
			match, err := path.Match(e.folder, folder)
			require.NoError(t, err)
			return match
		})
		if !assert.GreaterOrEqual(t, row, 0, "%s: its folder has no row in the table of edges", file) {
			continue
		}
		allowed := edges[row].imports
		if strings.HasSuffix(file, "_test.go") {
			allowed = slices.Concat(allowed, testModules, []string{path.Join(module, folder)}, inFront[folder])
		}
		for _, imported := range importsOf(t, file) {
			assert.True(t, isStandard(imported) || isAllowed(imported, allowed),
				"%s imports %s, which the table of edges does not allow", file, imported)
		}
	}
}

// What holds for nested modules, too.
func TestImportsEverywhere(t *testing.T) {
	for _, file := range repositoryFiles(t, ".go") {
		for _, imported := range importsOf(t, file) {
			assert.False(t, within(imported, module+"/examples"), "%s imports the example %s", file, imported)
			drawsForTests := within(file, "openapi/conform") && imported == "pgregory.net/rapid" // of its users
			if !strings.HasSuffix(file, "_test.go") && !drawsForTests {
				assert.False(t, isAllowed(imported, testModules), "%s imports %s, which is for tests", file, imported)
			}
		}
	}
}

func TestEveryPackageLooksForLeaks(t *testing.T) {
	looks := make(map[string]bool) // by folder
	for _, file := range repositoryFiles(t, ".go") {
		if folder := path.Dir(file); strings.HasSuffix(file, "_test.go") {
			looks[folder] = looks[folder] || strings.Contains(read(t, file), "goleak.VerifyTestMain(m")
		}
	}
	for folder, ok := range looks {
		assert.True(t, ok, "%s: its tests have no TestMain that calls goleak.VerifyTestMain", folder)
	}
}

// Each example has a test that asks it for its description and the page.
func TestEveryExampleDescribesItself(t *testing.T) {
	asks := make(map[string]bool) // by folder
	for _, file := range repositoryFiles(t, ".go") {
		folder := path.Dir(file)
		if path.Dir(folder) != "examples" {
			continue
		}
		text := read(t, file)
		asks[folder] = asks[folder] || strings.HasSuffix(file, "_test.go") && strings.Contains(text, "func TestDocs(") &&
			strings.Contains(text, `"/docs"`) && strings.Contains(text, `"/openapi.json"`)
	}
	assert.GreaterOrEqual(t, len(asks), 16, "examples found")
	for folder, ok := range asks {
		assert.True(t, ok, "%s: no TestDocs asks for /docs and /openapi.json", folder)
	}
}

// A service that does not import openapi has nothing of it, nor of what it needs.
func TestOpenAPIIsForThoseWhoImportIt(t *testing.T) {
	for _, file := range repositoryFiles(t, ".go") {
		folder := path.Dir(file)
		isService := within(folder, "examples") || within(folder, "cmd/velithon/_service")
		if within(folder, "openapi") || isService || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, imported := range importsOf(t, file) {
			assert.False(t, within(imported, module+"/openapi"), "%s imports %s", file, imported)
			assert.False(t, within(imported, "go.yaml.in/yaml/v3"), "%s imports %s", file, imported)
		}
	}
}

// What a service has to download: each line has a decision.
func TestRequirementsOfTheRoot(t *testing.T) {
	direct, _, _ := strings.Cut(read(t, "go.mod"), "\n)\n")
	_, direct, _ = strings.Cut(direct, "require (\n")
	var have []string
	for line := range strings.Lines(direct) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		have = append(have, name)
	}
	assert.Equal(t, []string{
		"github.com/fasthttp/router", "github.com/go-playground/validator/v10", "github.com/goccy/go-json", "github.com/stretchr/testify",
		"github.com/valyala/fasthttp", "go.uber.org/goleak", "go.yaml.in/yaml/v3", "pgregory.net/rapid",
	}, have)
	assert.Equal(t, 11, strings.Count(read(t, "go.mod"), "// indirect"), "modules that these bring along")
}

func TestNoFolderForAnything(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range entries {
		assert.NotContains(t, []string{"common", "helpers", "internal", "lib", "pkg", "types", "util", "utils"}, entry.Name(),
			"a folder is named for what is in it")
	}
}

// Dependabot looks at each module, at each package of npm, and at the actions of the
// workflows, which are pinned: a tag can be moved to other code.
func TestDependenciesOfEachModuleAreLookedAfter(t *testing.T) {
	modules := []string{"/"}
	for _, folder := range nestedModules(t) {
		modules = append(modules, "/"+folder)
	}
	var packages []string
	for _, file := range repositoryFiles(t, ".json") {
		if path.Base(file) == "package.json" {
			packages = append(packages, "/"+path.Dir(file))
		}
	}
	for ecosystem, want := range map[string][]string{"gomod": modules, "npm": packages} {
		_, list, _ := strings.Cut(read(t, ".github/dependabot.yml"), "package-ecosystem: "+ecosystem+"\n    directories:\n")
		list, _, _ = strings.Cut(list, "    schedule:")
		var have []string
		for line := range strings.Lines(list) {
			have = append(have, strings.TrimPrefix(strings.TrimSpace(line), "- "))
		}
		assert.Equal(t, want, have, ecosystem)
	}
}

// What npm installs is what was tried: versions are exact, and locked.
func TestVersionsOfNpmAreExact(t *testing.T) {
	seen := 0
	for _, file := range repositoryFiles(t, ".json") {
		if path.Base(file) != "package.json" {
			continue
		}
		var content struct {
			Dependencies, DevDependencies map[string]string
		}
		require.NoError(t, json.Unmarshal([]byte(read(t, file)), &content), file)
		for _, versions := range []map[string]string{content.Dependencies, content.DevDependencies} {
			for name, version := range versions {
				seen++
				assert.Regexp(t, `^\d+\.\d+\.\d+$`, version, "%s: %s", file, name)
			}
		}
		assert.FileExists(t, path.Join(path.Dir(file), "package-lock.json"))
	}
	assert.NotZero(t, seen, "packages found")
}

func TestActionsArePinned(t *testing.T) {
	actions := regexp.MustCompile(`(?m)uses: +(\S+)(.*)$`).FindAllStringSubmatch(read(t, ".github/workflows/ci.yml"), -1)
	require.NotEmpty(t, actions)
	for _, action := range actions {
		assert.Regexp(t, `@[0-9a-f]{40}$`, action[1])
		assert.Regexp(t, `^ # v\d+\.\d+\.\d+$`, action[2], action[1])
	}
}

func TestNoPathOfAMachine(t *testing.T) {
	home := regexp.MustCompile(`(^|[^\w.])(/(home|Users)/\w+|/root)/|[A-Z]:\\Users\\`)
	for _, file := range repositoryFiles(t, ".go", ".md", ".mod", ".yml", ".yaml", ".json", ".txt") {
		for i, line := range strings.Split(read(t, file), "\n") {
			assert.NotRegexp(t, home, line, "%s:%d", file, i+1)
		}
	}
}

// isAllowed reports whether a package is one of allowed, or belongs to a module
// among them. Our own packages are not allowed by naming our module.
func isAllowed(imported string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return imported == a || !within(a, module) && within(imported, a)
	})
}

// isStandard reports whether a package is one of the standard library: only
// there the first element of the path has no dot.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// within reports whether a path is dir or below it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+"/")
}

// importsOf returns what a Go file imports. Only that is parsed, so that the
// Go version which the rest of the file needs does not matter.
func importsOf(t *testing.T, file string) (imports []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	require.NoError(t, err)
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		imports = append(imports, imported)
	}
	return imports
}

// nestedModules returns the folders below the root that have a go.mod.
func nestedModules(t *testing.T) (folders []string) {
	t.Helper()
	for _, file := range repositoryFiles(t, ".mod") {
		if folder := path.Dir(file); folder != "." {
			folders = append(folders, folder)
		}
	}
	return folders
}

// repositoryFiles returns the files of the repository with one of the
// extensions, with slashes and relative to the root. Folders whose name begins
// with a dot, and those of npm, are left out: tools keep what is theirs there.
func repositoryFiles(t *testing.T, extensions ...string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if entry.Type().IsRegular() && slices.Contains(extensions, path.Ext(name)) {
			files = append(files, name)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.ReplaceAll(string(content), "\r\n", "\n") // as git writes it on Windows
}
