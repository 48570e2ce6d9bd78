package velithon_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every exported type, function, method, constant and variable is explained by
// a comment that begins with its name. A group of constants or variables may
// have one comment for all, and fields may be left to the comment of their
// type. Error, String and Unwrap are no exceptions: they say what is in the text,
// or what there is to find.
func TestEveryExportedNameIsExplained(t *testing.T) {
	nested := nestedModules(t)
	names := 0
	for _, file := range repositoryFiles(t, ".go") {
		if strings.HasSuffix(file, "_test.go") || within(file, "examples") || strings.Contains(file, "testdata/") ||
			slices.ContainsFunc(nested, func(m string) bool { return within(file, m) }) {
			continue
		}
		files := token.NewFileSet()
		for _, name := range exportedNames(parse(t, files, file)) {
			names++
			what := name.Name
			if name.of != "" {
				what = name.of + "." + what
			}
			at := files.Position(name.Pos())
			assert.NotEmpty(t, name.comment, "%s:%d: %s has no comment", file, at.Line, what)
			if name.comment != "" && !name.grouped {
				assert.True(t, beginsWith(name.comment, name.Name), "%s:%d: the comment of %s does not begin with its name", file, at.Line, what)
			}
		}
	}
	assert.Greater(t, names, 100, "exported names were found")
}

func TestCommentsBeginWithTheName(t *testing.T) {
	assert.True(t, beginsWith("Runner runs.", "Runner"))
	assert.True(t, beginsWith("A Runner runs.", "Runner"))
	assert.True(t, beginsWith("Runner's zero value is ready.", "Runner"))
	assert.True(t, beginsWith("Deprecated: use Runner.", "Old"))
	assert.False(t, beginsWith("Runners run.", "Runner"))
	assert.False(t, beginsWith("Runs.", "Runner"))
}

// beginsWith reports whether a comment begins with a name, as godoc has it.
func beginsWith(comment, name string) bool {
	if strings.HasPrefix(comment, "Deprecated: ") {
		return true
	}
	for _, article := range []string{"", "A ", "An ", "The "} {
		rest, ok := strings.CutPrefix(comment, article+name)
		if ok && (rest == "" || strings.IndexAny(rest, " \n,.:;'’") == 0) {
			return true
		}
	}
	return false
}

// exportedName is a name that users of a package see.
type exportedName struct {
	*ast.Ident

	of      string // the type that a method belongs to
	comment string
	grouped bool // the comment is that of a group
}

func exportedNames(file *ast.File) (names []exportedName) {
	add := func(of string, ident *ast.Ident, comment, group string) {
		if ident.IsExported() {
			grouped := comment == ""
			if grouped {
				comment = group
			}
			names = append(names, exportedName{ident, of, strings.TrimSpace(comment), grouped})
		}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			receiver := receiverOf(decl)
			if receiver == "" || ast.IsExported(receiver) {
				add(receiver, decl.Name, decl.Doc.Text(), "")
			}
		case *ast.GenDecl:
			alone, group := decl.Doc.Text(), ""
			if decl.Lparen.IsValid() {
				alone, group = "", alone
			}
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, ident := range spec.Names {
						add("", ident, alone+spec.Doc.Text(), group)
					}
				case *ast.TypeSpec:
					add("", spec.Name, alone+spec.Doc.Text(), "")
					for _, method := range methodsOf(spec) {
						add(spec.Name.Name, method.Names[0], method.Doc.Text(), "")
					}
				}
			}
		}
	}
	return names
}

// methodsOf returns the methods that an exported interface has of its own.
func methodsOf(spec *ast.TypeSpec) (methods []*ast.Field) {
	if typ, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.IsExported() {
		for _, member := range typ.Methods.List {
			if len(member.Names) == 1 {
				methods = append(methods, member)
			}
		}
	}
	return methods
}

// receiverOf returns the name of a method's type, and "" for a function.
func receiverOf(decl *ast.FuncDecl) string {
	if decl.Recv == nil {
		return ""
	}
	typ := decl.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

// parse parses a file. The parser of Go 1.26 reports methods with type
// parameters as an error, and has them in its result all the same.
func parse(t *testing.T, files *token.FileSet, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(files, file, nil, parser.ParseComments|parser.SkipObjectResolution|parser.AllErrors)
	if list, ok := errors.AsType[scanner.ErrorList](err); ok {
		err = slices.DeleteFunc(list, func(e *scanner.Error) bool {
			return e.Msg == "method must have no type parameters"
		}).Err()
	}
	require.NoError(t, err)
	return parsed
}
