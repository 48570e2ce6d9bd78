package openapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/openapi/internal/torture"
	"github.com/velithon-go/velithon/routing"
)

const unknownKey = "nobody-knows"

// A sampler makes a value of a schema in which each object has a key that nobody knows.
type sampler struct {
	document
	closed map[string]bool // by the pointer of the key: whether the schema forbids it
}

// value returns a value of a schema at a pointer.
func (s *sampler) value(schema any, pointer string, depth int) any {
	o := s.follow(schema).(map[string]any)
	for _, around := range []string{"allOf", "anyOf"} {
		if all, ok := o[around].([]any); ok && o["type"] == nil {
			return s.value(all[0], pointer, depth)
		}
	}
	properties, hasMembers := o["properties"].(map[string]any)
	switch {
	case depth > 5:
		return nil // it may be recursive
	case hasMembers, isClosed(o):
		return s.object(o, properties, pointer, depth)
	case len(o) == 0 || o["not"] != nil && o["type"] == nil:
		s.closed[pointer+"/"+unknownKey] = false // anything
		return map[string]any{unknownKey: 1}
	case isOf(o, "object") && o["additionalProperties"] != nil:
		return map[string]any{"2026-12-01": s.value(o["additionalProperties"], pointer+"/2026-12-01", depth+1)}
	case isOf(o, "array"):
		return []any{s.value(o["items"], pointer+"/0", depth+1)}
	case isOf(o, "object"):
		return s.object(o, nil, pointer, depth)
	default:
		return ""
	}
}

func (s *sampler) object(o, properties map[string]any, pointer string, depth int) any {
	value := map[string]any{unknownKey: 1}
	s.closed[pointer+"/"+unknownKey] = isClosed(o)
	for name, property := range properties {
		value[name] = s.value(property, pointer+"/"+name, depth+1)
	}
	return value
}

// isClosed reports whether a schema forbids members that it does not have.
func isClosed(o map[string]any) bool {
	allowed, ok := o["additionalProperties"].(bool)
	return ok && !allowed
}

// isOf reports whether a schema is of a type.
func isOf(o map[string]any, name string) bool {
	if all, ok := o["type"].([]any); ok {
		return all[0] == name
	}
	return o["type"] == name
}

// The service tells of an unknown member where the schema forbids it, and nowhere else.
func TestUnknownMembersAreRefusedAsTheSchemaSays(t *testing.T) {
	r := torture.New()
	d := describe(t, r)
	handler := routing.Build(r).ServeRequest
	forbidden, allowed := 0, 0
	for path, item := range d.at("paths").(map[string]any) {
		post, ok := item.(map[string]any)["post"].(map[string]any)
		if !ok || post["requestBody"] == nil {
			continue
		}
		media, ok := document{t, post}.at("requestBody content").(map[string]any)["application/json"]
		if !ok {
			continue
		}
		s := sampler{d, make(map[string]bool)}
		body, err := json.Marshal(s.value(media.(map[string]any)["schema"], "#", 0))
		require.NoError(t, err)
		var raw fasthttp.RequestCtx
		raw.Request.Header.SetMethod("POST")
		raw.Request.SetRequestURI(path)
		raw.Request.Header.SetContentType("application/json")
		raw.Request.Header.Set("Authorization", "Bearer x")
		raw.Request.Header.Set("X-Tenant", "ada")
		raw.Request.SetBody(body)
		handler(&raw)
		told := make(map[string]bool)
		if raw.Response.StatusCode() == 422 {
			for _, fault := range parse(t, raw.Response.Body()).at("errors").([]any) {
				if fault := fault.(map[string]any); fault["code"] == "unknown" {
					told[fault["pointer"].(string)] = true
				}
			}
		}
		for pointer, isClosed := range s.closed {
			assert.Equal(t, isClosed, told[pointer], "%s: %s", path, pointer)
			if isClosed {
				forbidden++
			} else {
				allowed++
			}
			assert.False(t, isClosed && !strings.HasPrefix(path, "/strict/") && path != "/provided/order", path)
		}
	}
	assert.Greater(t, forbidden, 30)
	assert.Greater(t, allowed, 100)
}

func TestSchemasOfWhatRefusesUnknownMembers(t *testing.T) {
	d := describe(t, torture.New())
	body := " post requestBody content application/json schema"
	d.is("paths /strict/embedded"+body, `{"$ref":"#/components/schemas/EmbeddedInputStrict"}`)
	d.is("paths /strict/lenient"+body, `{"$ref":"#/components/schemas/EmbeddedInput"}`)
	d.is("components schemas EmbeddedInputStrict additionalProperties", `false`)
	d.is("components schemas EmbeddedInputStrict properties named", `{"$ref":"#/components/schemas/NamedInputStrict"}`)
	assert.NotContains(t, d.at("components schemas EmbeddedInput"), "additionalProperties")
	d.is("paths /strict/only"+body, `{"$ref":"#/components/schemas/Only"}`)
	d.is("components schemas Only properties empty", `{"type":"object","additionalProperties":false}`)
	d.is("components schemas Only properties inner properties map additionalProperties", `{"$ref":"#/components/schemas/Base"}`)
	d.is("components schemas MutedInputStrict properties item", `{"$ref":"#/components/schemas/TortureItemUncheckedStrict"}`)
	d.is("components schemas DescribedRef properties item", `{"allOf":[{"$ref":"#/components/schemas/TortureItemInputStrict"}],"description":"What it is about"}`)
	d.is("components schemas LooseInputStrict properties anything additionalProperties", `{}`)
	assert.NotContains(t, d.at("components schemas Patch"), "additionalProperties", "it is written, too")
	assert.NotContains(t, d.at("components schemas"), "PatchStrict")

	assert.Equal(t, false, d.at("paths /strict/login post requestBody content application/x-www-form-urlencoded schema additionalProperties"))
	assert.Equal(t, false, d.at("paths /strict/upload post requestBody content multipart/form-data schema additionalProperties"))
	assert.NotContains(t, d.at("paths /login post requestBody content application/x-www-form-urlencoded schema"), "additionalProperties")
	assert.Contains(t, keys(d.at("paths /strict/nothing get responses")), "422", "an unknown name in the query")
}
