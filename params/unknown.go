package params

import (
	"maps"
	"mime/multipart"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params/internal/schema"
)

// maxUnknownName is how many bytes of an unknown name are told.
const maxUnknownName = 512

// unknown tells that the input has no parameter of a name, if that is a fault. A pair
// without a name and a value, as in a&&b, is none. The faults come behind all others.
func (d *decoding) unknown(in Source, name []byte) {
	if !d.plan.rejectsUnknown || len(name) == 0 || len(d.faults) > MaxFaults || d.hasUnknown(in, name) || d.plan.isReadElsewhere(in, name) {
		return
	}
	told := strings.ToValidUTF8(string(name[:min(len(name), maxUnknownName)]), "\uFFFD")
	if d.hasUnknown(in, []byte(told)) {
		return
	}
	d.faults.Add(schema.Fault{Order: len(d.plan.params), In: string(in), Name: told, Code: CodeUnknown, Detail: schema.Unknown.Detail, Broken: schema.Unknown})
}

// hasUnknown reports whether it was told a moment ago that a name is unknown. It does not
// look further back, since the client chooses how many names there are.
func (d *decoding) hasUnknown(in Source, name []byte) bool {
	const few = 8
	return slices.ContainsFunc(d.faults[max(len(d.faults)-few, 0):], func(f schema.Fault) bool {
		return f.Code == CodeUnknown && f.In == string(in) && f.Name == string(name)
	})
}

// unknownParts tells which parts of a multipart form the input does not have, in the
// order of their names.
func (d *decoding) unknownParts(form *multipart.Form) {
	for _, names := range [][]string{slices.Sorted(maps.Keys(form.Value)), slices.Sorted(maps.Keys(form.File))} {
		for _, name := range names {
			if _, known := d.plan.form.byName[name]; !known {
				d.unknown(Form, []byte(name))
			}
		}
	}
}
