package routing

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/velithon-go/velithon/params"
)

// A pattern is the path of a route, parsed.
type pattern struct {
	names    []string    // of the parameters, from left to right
	variants [][]segment // one for each number of optional segments
}

// A kind is what a segment of a pattern takes.
type kind int

const (
	kindText  kind = iota // a text
	kindForm              // {p:regexp}, or parameters with text around them
	kindParam             // {p}, a segment that is not empty
	kindRest              // {p:*}, all that is left, also nothing
)

// A segment is the part of a pattern between two slashes.
type segment struct {
	kind     kind
	text     string         // percent-decoded
	form     *regexp.Regexp // with a group for each parameter
	groups   []int          // the groups that are parameters; a regexp of the user's may have others
	whole    bool           // the form is one parameter, without text around it
	optional bool
}

// parsePattern parses a pattern, or says why no request could match it.
func parsePattern(text string) (*pattern, error) {
	p, err := parseSegments(text)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q %w", text, err)
	}
	return p, nil
}

func parseSegments(text string) (*pattern, error) {
	if !strings.HasPrefix(text, "/") {
		return nil, errors.New("does not start with a slash")
	}
	p := new(pattern)
	var segments []segment
	optional := 0
	for more := true; more; {
		var part string
		if part, text, more = cutSegment(text[1:]); strings.HasPrefix(part, ":") {
			return nil, errors.New("has a segment that starts with a colon: a parameter is written {name}")
		}
		s, err := p.parseSegment(part)
		switch {
		case err != nil:
			return nil, err
		case s.kind == kindRest && more:
			return nil, fmt.Errorf("goes on after {%s:*}, which takes the rest of the path: put it last", p.names[len(p.names)-1])
		case s.kind == kindText && (s.text == "" && more || s.text == "." || s.text == ".."):
			return nil, errors.New("has a segment that is empty or made of dots, and such requests are answered with 400: remove it")
		case optional > 0 && !s.optional:
			return nil, errors.New("goes on after an optional parameter: make all that follows optional too, or add two routes")
		}
		if s.optional {
			optional++
		}
		segments = append(segments, s)
	}
	if len(p.names) > params.MaxPathParams {
		return nil, fmt.Errorf("has %d parameters: at most %d are possible", len(p.names), params.MaxPathParams)
	}
	for n := len(segments) - optional; n <= len(segments); n++ {
		variant := segments[:n:n]
		if n == 0 { // "/{p?}" without p is "/"
			variant = []segment{{}}
		}
		p.variants = append(p.variants, variant)
	}
	return p, nil
}

// cutSegment cuts a pattern at its first slash outside of braces, and leaves the
// slash in what is left.
func cutSegment(text string) (segment, left string, more bool) {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth <= 0 {
				return text[:i], text[i:], true
			}
		}
	}
	return text, "", false
}

// parseSegment parses a segment, and adds the names in it to those of p.
func (p *pattern) parseSegment(text string) (s segment, err error) {
	var b formBuilder
	for text != "" {
		open := strings.IndexAny(text, "{}")
		if open < 0 {
			open = len(text)
		}
		if open > 0 {
			literal, err := decodeLiteral(text[:open])
			if err != nil {
				return s, err
			}
			b.literal(literal)
			text = text[open:]
			continue
		}
		end := closingBrace(text[1:]) + 1
		switch {
		case text[0] == '}':
			return s, errors.New("has a } without its {")
		case end == 0:
			return s, errors.New("has a { without its }")
		}
		name, form, isFormed := strings.Cut(text[1:end], ":")
		name, s.optional = strings.CutSuffix(name, "?")
		if err := p.addName(name); err != nil {
			return s, err
		}
		if err := b.parameter(name, form, isFormed); err != nil {
			return s, err
		}
		alone := len(b.groups) == 1 && b.literals == 0 && end+1 == len(text)
		if !alone && (s.optional || isFormed && form == "*") {
			return s, fmt.Errorf("has {%s} next to other text: it has to be a segment of its own", text[1:end])
		}
		text = text[end+1:]
	}
	return b.segment(s)
}

// addName adds the name of a parameter. What is no name is most likely the
// notation of another router.
func (p *pattern) addName(name string) error {
	switch {
	case name == "":
		return errors.New("has a parameter without a name")
	case strings.ContainsFunc(name, func(c rune) bool { return !isNameRune(c) }):
		return fmt.Errorf("has a parameter %q: a name is made of letters, digits, _ and -; the rest of the path is {name:*}, and a segment of a form {name:regexp}", name)
	case slices.Contains(p.names, name):
		return fmt.Errorf("has two parameters %q", name)
	}
	p.names = append(p.names, name)
	return nil
}

func isNameRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c > 0x7f
}

// decodeLiteral decodes the text of a pattern, which may be written as people
// read it or as clients send it: "/café" and "/caf%C3%A9" are the same.
func decodeLiteral(text string) (string, error) {
	switch {
	case strings.Contains(text, "?"):
		return "", errors.New("has a question mark, and a query is no part of a path: add a field with the tag `query`, or write %3F for the character")
	case strings.Contains(text, "#"):
		return "", errors.New("has a #, and clients do not send fragments: remove it, or write %23 for the character")
	case strings.Contains(text, "*"):
		return "", errors.New("has an asterisk, which is a character like any other: the rest of the path is {name:*}; write %2A for the character")
	}
	var decoded []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			n, err := strconv.ParseUint(text[i+1:min(i+3, len(text))], 16, 8)
			if err != nil || i+2 >= len(text) {
				return "", errors.New("has a % without two hexadecimal digits: write %25 for the character")
			}
			if c = byte(n); c == '/' {
				return "", errors.New("has an encoded slash, and such requests are answered with 400: take a parameter {name:*}, or the query")
			}
			i += 2
		}
		decoded = append(decoded, c)
	}
	return string(decoded), nil
}

// A formBuilder collects a segment part by part.
type formBuilder struct {
	text     string // all literals
	regexp   strings.Builder
	literals int
	groups   []int
	next     int // the number of groups so far
	isFormed bool
	isRest   bool
	touching bool // the last part was a parameter
}

func (b *formBuilder) literal(text string) {
	b.literals++
	b.touching = false
	b.text += text
	b.regexp.WriteString(regexp.QuoteMeta(text))
}

func (b *formBuilder) parameter(name, form string, isFormed bool) error {
	if b.touching {
		return fmt.Errorf("has no text between {%s} and the parameter in front of it, so nobody knows where one ends", name)
	}
	b.touching = true
	b.groups = append(b.groups, b.next+1)
	switch {
	case !isFormed:
		b.regexp.WriteString("((?s:.+))")
		b.next++
	case form == "*":
		b.isRest = true
	default:
		groups, err := checkForm(name, form)
		if err != nil {
			return err
		}
		b.isFormed = true
		fmt.Fprintf(&b.regexp, "(%s)", form)
		b.next += 1 + groups
	}
	return nil
}

// checkForm returns the number of groups in the regular expression of a
// parameter, or what is wrong with it.
func checkForm(name, form string) (groups int, err error) {
	parsed, err := syntax.Parse(form, syntax.Perl)
	switch {
	case err != nil:
		return 0, fmt.Errorf("has a parameter %q whose form is no regular expression: %w", name, err)
	case form == "":
		return 0, fmt.Errorf("has a parameter %q with an empty form: leave the colon out for any text", name)
	case hasSlash(parsed):
		return 0, fmt.Errorf("has a parameter %q with a slash in its form, but a parameter is one segment: the rest of the path is {%s:*}", name, name)
	case parsed.Op == syntax.OpLiteral && parsed.Flags&syntax.FoldCase == 0: // {id:int} and {file:path}, of Starlette and others
		return 0, fmt.Errorf("has a parameter %q whose form has %q as its only match: a form is a regular expression such as [0-9]+, and the rest of the path is {%s:*}", name, string(parsed.Rune), name)
	}
	return parsed.MaxCap(), nil
}

// hasSlash reports whether a slash is part of a regular expression. In a class
// such as [^/] it is none.
func hasSlash(re *syntax.Regexp) bool {
	return re.Op == syntax.OpLiteral && slices.Contains(re.Rune, '/') || slices.ContainsFunc(re.Sub, hasSlash)
}

// segment completes s.
func (b *formBuilder) segment(s segment) (segment, error) {
	switch {
	case b.isRest:
		s.kind = kindRest
	case len(b.groups) == 0:
		s.kind, s.text = kindText, b.text
	case b.literals == 0 && !b.isFormed:
		s.kind = kindParam
	default:
		var err error
		s.kind, s.groups, s.whole = kindForm, b.groups, b.literals == 0
		if s.form, err = regexp.Compile(`\A` + b.regexp.String() + `\z`); err != nil {
			return s, fmt.Errorf("can't be made a regular expression: %w", err)
		}
	}
	return s, nil
}

// closingBrace returns the index of the brace that closes one opened before s;
// a regular expression in it may have braces too.
func closingBrace(s string) int {
	depth := 0
	for i, c := range s {
		switch c {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}
