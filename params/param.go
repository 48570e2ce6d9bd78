package params

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// A param is a field of the input that is filled from any source but [Body].
type param struct {
	in     Source
	name   string
	field  string // the Go name, for messages
	typ    reflect.Type
	offset uintptr
	parent uintptr // the offset of the struct that has it
	order  int     // the position among the params, and the bit in a [bitset.Set]
	nth    int     // the position among those of its source

	set      setter
	optional *kind.Optional // of an Optional, whose value is at offset; nil for others
	many     bool           // a slice: each value appends to it
	file     bool           // a File, []File or *File
	required bool
	initial  func(p memory.Pointer) // stores the default; nil without one
	judge    bool                   // judge the default for each request, since its rules refer to other fields
	rules    *rules.Rules           // nil without any
	precheck schema.Precheck        // for rules; nil without any

	// For descriptions only.
	tag    reflect.StructTag
	around reflect.Type // the struct that has it
}

// bySource holds the params again, grouped by source.
type bySource struct {
	path, query, header, cookie, form group
}

func (b *bySource) of(s Source) *group {
	switch s {
	case Path:
		return &b.path
	case Query:
		return &b.query
	case Header:
		return &b.header
	case Cookie:
		return &b.cookie
	default:
		return &b.form
	}
}

// A group is the params of one source, in their order.
type group struct {
	params []*param
	byName map[string]*param
}

func (g *group) add(p *param) {
	if g.byName == nil {
		g.byName = make(map[string]*param)
	}
	p.nth = len(g.params)
	g.params = append(g.params, p)
	g.byName[p.name] = p
}

// find returns the param of a name, or nil, and the position of the param to
// expect next. It tries the one at expected first: most clients send values in one
// order, often that of the fields.
func (g *group) find(name []byte, expected int) (p *param, next int) {
	if expected < len(g.params) && g.params[expected].name == string(name) {
		return g.params[expected], expected + 1
	}
	p, known := g.byName[string(name)]
	if !known {
		return nil, expected
	}
	return p, p.nth + 1
}
