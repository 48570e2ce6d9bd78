package openapi

import (
	"strings"

	"github.com/velithon-go/velithon/openapi/internal/jsonschema"
	"github.com/velithon-go/velithon/params"
)

// authorizationName is the security scheme of operations whose input has the header field
// Authorization: OpenAPI allows no parameter of this name.
const authorizationName = "authorization"

// security returns what an operation asks of its client; nil for nothing.
func (p *paths) security(plan *params.Plan) []any {
	for _, param := range plan.Params() {
		if param.In != params.Header || !strings.EqualFold(param.Name, "Authorization") {
			continue
		}
		p.auth = true
		with := jsonschema.Obj(authorizationName, []string{})
		if param.Required {
			return []any{with}
		}
		return []any{jsonschema.Obj(), with}
	}
	return nil
}

// securitySchemes returns the schemes that operations ask for; nil without any.
func (p *paths) securitySchemes() *jsonschema.Object {
	if !p.auth {
		return nil
	}
	return jsonschema.Obj(authorizationName, jsonschema.Obj("type", "apiKey", "in", "header", "name", "Authorization"))
}
