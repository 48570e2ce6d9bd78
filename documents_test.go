package velithon_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Go in a document is a part of a file that compiles, word for word, whatever
// its indentation. So it can't rot.
func TestGoInDocumentsIsFromTheSource(t *testing.T) {
	var sources [][]string
	for _, file := range repositoryFiles(t, ".go") {
		sources = append(sources, strings.Split(read(t, file), "\n"))
	}
	for _, document := range repositoryFiles(t, ".md") {
		for _, b := range blocks(read(t, document)) {
			if b.language != "go" {
				continue
			}
			found := slices.ContainsFunc(sources, func(source []string) bool { return isPart(b.lines, source) })
			assert.True(t, found, "%s:%d: no .go file has this code, which begins with %q", document, b.line, strings.Join(b.lines[:min(len(b.lines), 1)], ""))
		}
	}
}

func TestPartsOfASource(t *testing.T) {
	source := strings.Split("func f() {\n\tif x {\n\t\ty()\n\n\t\tz()\n\t}\n}\n", "\n")
	for part, want := range map[string]bool{
		"func f() {\n\tif x {":          true,
		"if x {\n\ty()\n\n\tz()\n}":     true,
		"y()\n\nz()":                    true,
		"  y()\n\n  z()":                true,
		"y()\nz()":                      false,
		"if x {\ny()":                   false, // loses its indentation
		"y(":                            false, // lines are whole
		"":                              false,
		"}\n}":                          false,
		"\t}\n}":                        true,
		"z()\n}":                        false,
		"\tz()\n}":                      true,
		"func f() {\n\tif x {\n\t\ty()": true,
	} {
		assert.Equal(t, want, isPart(strings.Split(part, "\n"), source), "%q", part)
	}
}

// A document links to files that exist, and to headings that they have.
func TestLinksInDocuments(t *testing.T) {
	for _, document := range repositoryFiles(t, ".md") {
		for _, l := range links(read(t, document)) {
			if strings.Contains(l.target, "://") || strings.HasPrefix(l.target, "mailto:") {
				continue
			}
			at := fmt.Sprintf("%s:%d: link to %s", document, l.line, l.target)
			target, heading, _ := strings.Cut(l.target, "#")
			file := document
			if target != "" {
				file = path.Join(path.Dir(document), target)
			}
			if _, err := os.Stat(file); !assert.NoError(t, err, at) {
				continue
			}
			if heading != "" && path.Ext(file) == ".md" {
				assert.Contains(t, headings(read(t, file)), heading, at)
			}
		}
	}
}

// Each record that the framework logs by a text of its own is in the list of
// records.
func TestRecordsAreInTheDocument(t *testing.T) {
	message := regexp.MustCompile(`\b(?:slog\.Level\w+|level), (?:fmt\.Sprintf\()?"([^"%]+)`)
	document := read(t, "docs/logging.md")
	seen := 0
	for _, file := range repositoryFiles(t, ".go") {
		folder, _, _ := strings.Cut(file, "/")
		if strings.HasSuffix(file, "_test.go") || slices.Contains([]string{"examples", "trials", "benchmarks"}, folder) {
			continue
		}
		for _, match := range message.FindAllStringSubmatch(read(t, file), -1) {
			seen++
			assert.Contains(t, document, "`"+match[1], "%s logs a record that the list does not have", file)
		}
	}
	assert.GreaterOrEqual(t, seen, 15, "records found in the source")
}

// The records that an alert is recommended for are in the list of records.
func TestAlertsAreForRecordsThatExist(t *testing.T) {
	_, advice, _ := strings.Cut(read(t, "docs/deployment.md"), "Worth an alert: ")
	advice, _, _ = strings.Cut(strings.ReplaceAll(advice, "\n", " "), ".")
	names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(advice, -1)
	require.GreaterOrEqual(t, len(names), 4, advice)
	for _, name := range names {
		assert.Contains(t, read(t, "docs/logging.md"), "`"+name[1]+"`", "logging.md lists no such record")
	}
}

// The ids of requests in documents and comments are such as the framework makes: behind
// the prefix of the process are the connection's number and the request's, in base 32
// and so at least seven digits.
func TestRequestIDsInDocuments(t *testing.T) {
	id := regexp.MustCompile(`\b[0-9a-f]{16}-([0-9a-v]+)\b`)
	seen := 0
	for _, file := range append(repositoryFiles(t, ".md"), repositoryFiles(t, ".go")...) {
		for _, match := range id.FindAllStringSubmatch(read(t, file), -1) {
			seen++
			assert.GreaterOrEqual(t, len(match[1]), 7, "%s: no request has the id %s", file, match[0])
		}
	}
	assert.GreaterOrEqual(t, seen, 4, "ids found")
}

// The index of the decisions has each of them, with the number and the title that it has.
func TestDecisionsAreInTheIndex(t *testing.T) {
	const folder = "docs/decisions/"
	var want []string
	for _, document := range repositoryFiles(t, ".md") {
		name, ok := strings.CutPrefix(document, folder)
		if !ok || name == "README.md" {
			continue
		}
		assert.Regexp(t, `^\d{3}-[a-z0-9-]+\.md$`, name)
		title, _, _ := strings.Cut(strings.TrimPrefix(read(t, document), "# "), "\n")
		want = append(want, fmt.Sprintf("- %s [%s](%s)", name[:3], title, name))
	}
	require.NotEmpty(t, want)
	var index []string
	for line := range strings.Lines(read(t, folder+"README.md")) {
		if strings.HasPrefix(line, "- ") {
			index = append(index, strings.TrimSpace(line))
		}
	}
	assert.Equal(t, want, index)
}

// A page that is longer than this is two pages. The changelog grows with each version.
func TestPagesAreShort(t *testing.T) {
	const words = 2500
	for _, document := range repositoryFiles(t, ".md") {
		if within(document, "docs") && document != "docs/CHANGELOG.md" {
			assert.LessOrEqual(t, len(strings.Fields(read(t, document))), words, "%s has too many words", document)
		}
	}
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), 200, "lines of the README")
}

// A picture is loaded by everybody who reads a page.
func TestPicturesAreSmall(t *testing.T) {
	pictures := repositoryFiles(t, ".png", ".svg", ".webp")
	assert.Contains(t, pictures, "docs/images/docs.webp")
	for _, file := range pictures {
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.LessOrEqual(t, info.Size(), int64(60<<10), "%s: bytes", file)
	}
}

// A Go file that a document names exists, in the folder that it names, if any.
func TestFilesInDocuments(t *testing.T) {
	all := repositoryFiles(t, ".go")
	name := regexp.MustCompile("`([\\w./-]+\\.go)`")
	for _, document := range repositoryFiles(t, ".md") {
		for _, match := range name.FindAllStringSubmatch(strings.Join(prose(read(t, document)), "\n"), -1) {
			exists := slices.ContainsFunc(all, func(file string) bool { return file == match[1] || path.Base(file) == match[1] })
			assert.True(t, exists, "%s names %s, which does not exist", document, match[1])
		}
	}
}

func TestHeadingsAsGitHubLinksThem(t *testing.T) {
	document := "# Go 1.27 and `Post[In, Out]`\n\n```sh\n# no heading\n```\n## A-b_c, [d](e.md)!\n## What?\n## What\n"
	assert.Equal(t, []string{"go-127-and-postin-out", "a-b_c-d", "what", "what-1"}, headings(document))
}

// The README has two commands for whoever comes by, and they work everywhere.
func TestCommandsInTheReadme(t *testing.T) {
	var commands []string
	for _, b := range blocks(read(t, "README.md")) {
		if b.language == "sh" {
			commands = append(commands, b.lines...)
		}
	}
	assert.Equal(t, []string{"go run ./examples/order", "go test ./..."}, commands)
}

func TestChangelogHasAVersion(t *testing.T) {
	assert.Regexp(t, `(?m)^## (\[?Unreleased\]?|\[?v?\d+\.\d+\.\d+\]?( - \d{4}-\d{2}-\d{2})?)$`, read(t, "docs/CHANGELOG.md"))
}

// block is fenced code in a document.
type block struct {
	line     int // of its first line of code, from 1
	language string
	lines    []string
}

var fence = regexp.MustCompile("^\\s*(```+|~~~+)\\s*(\\w*)")

func blocks(document string) (all []block) {
	var open string // the fence that ends the block; empty outside of one
	for i, line := range strings.Split(document, "\n") {
		match := fence.FindStringSubmatch(line)
		switch {
		case open == "" && match != nil:
			open = match[1]
			all = append(all, block{line: i + 2, language: match[2]})
		case open != "" && strings.TrimSpace(line) == open:
			open = ""
		case open != "":
			last := &all[len(all)-1]
			last.lines = append(last.lines, line)
		}
	}
	return all
}

// isPart reports whether successive lines of a source are those of part, both
// without the indentation that all of them have in common.
func isPart(part, source []string) bool {
	part = dedent(part)
	if strings.Join(part, "") == "" {
		return false
	}
	for i := range len(source) - len(part) + 1 {
		if strings.HasSuffix(source[i], part[0]) && slices.Equal(dedent(source[i:i+len(part)]), part) {
			return true
		}
	}
	return false
}

// dedent takes away the white space that all lines begin with, and that at
// the end of each.
func dedent(lines []string) []string {
	var common string
	for i, line := range slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.TrimSpace(l) == "" }) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if i == 0 {
			common = indent
		}
		for !strings.HasPrefix(indent, common) {
			common = common[:len(common)-1]
		}
	}
	dedented := make([]string, len(lines))
	for i, line := range lines {
		dedented[i] = strings.TrimRight(strings.TrimPrefix(line, common), " \t")
	}
	return dedented
}

// link is one of a document, inline or by reference.
type link struct {
	line   int // from 1
	target string
}

var (
	inlineLink    = regexp.MustCompile(`\]\(<?([^()\s>]+)>?(?:\s+"[^"]*")?\)`)
	referenceLink = regexp.MustCompile(`^\[[^\]]+\]:\s+<?([^\s>]+)`)
	inlineCode    = regexp.MustCompile("`[^`]*`")
)

func links(document string) (all []link) {
	for i, line := range prose(document) {
		line = inlineCode.ReplaceAllString(line, "`code`")
		for _, match := range slices.Concat(inlineLink.FindAllStringSubmatch(line, -1), referenceLink.FindAllStringSubmatch(line, -1)) {
			all = append(all, link{i + 1, match[1]})
		}
	}
	return all
}

// headings returns the anchors of a document, as GitHub makes them.
func headings(document string) (anchors []string) {
	dropped := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	target := regexp.MustCompile(`\]\([^)]*\)`)
	times := map[string]int{}
	for _, line := range prose(document) {
		text := strings.TrimLeft(line, "#")
		if text == line || !strings.HasPrefix(text, " ") {
			continue
		}
		text = target.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
		anchor := strings.ReplaceAll(dropped.ReplaceAllString(text, ""), " ", "-")
		if n := times[anchor]; n > 0 {
			anchors = append(anchors, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			anchors = append(anchors, anchor)
		}
		times[anchor]++
	}
	return anchors
}

// prose returns the lines of a document, with empty ones in place of fenced
// code.
func prose(document string) []string {
	lines := strings.Split(document, "\n")
	for _, b := range blocks(document) {
		for i := range b.lines {
			lines[b.line-1+i] = ""
		}
	}
	return lines
}

func TestBlocksOfADocument(t *testing.T) {
	document := "a\n```go\nx := 1\n```\n- b\n  ```sh\n  go test\n  ```\n````md\n```go\n```\n````\n"
	all := blocks(document)
	require.Len(t, all, 3)
	assert.Equal(t, block{3, "go", []string{"x := 1"}}, all[0])
	assert.Equal(t, block{7, "sh", []string{"  go test"}}, all[1])
	assert.Equal(t, block{10, "md", []string{"```go", "```"}}, all[2])
	assert.Equal(t, []link{{1, "b.md#c"}, {2, "d"}}, links("[a](b.md#c) `[x](y)`\n[a]: d\n```go\n[x](y)\n```\n"))
}
