package responses

import (
	"fmt"
	"slices"

	"github.com/goccy/go-json"
)

// standardMembers are the members of a problem that are not its extensions.
var standardMembers = []string{"type", "title", "status", "detail", "instance", "errors"}

// WithDetail returns a copy of p that says what went wrong this time.
func (p *Problem) WithDetail(detail string) *Problem {
	problem := p.copy()
	problem.Detail = detail
	return problem
}

// WithExtensions returns a copy of p with members of its own, a struct or a map; see
// [Problem].
func (p *Problem) WithExtensions(members any) *Problem {
	problem := p.copy()
	problem.Extensions = members
	return problem
}

// extended returns a problem, encoded, with extension members behind the others.
func extended(document problemDocument, extensions any) (json.RawMessage, error) {
	text, err := encode(document)
	if err != nil {
		return nil, err
	}
	members, err := encode(extensions)
	if err != nil {
		return nil, err
	}
	var names map[string]json.RawMessage
	if err := json.Unmarshal(members, &names); err != nil {
		return nil, fmt.Errorf("the extensions of a problem are %T, which is no JSON object: use a struct or a map with string keys", extensions)
	}
	for name := range names {
		if slices.Contains(standardMembers, name) {
			return nil, fmt.Errorf("the extensions of a problem have the member %q, which every problem has: give it another name", name)
		}
	}
	if len(names) == 0 {
		return text, nil
	}
	text[len(text)-1] = ','
	return append(text, members[1:]...), nil
}
