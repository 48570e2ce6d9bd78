package openapi

import (
	"strings"

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
		with := obj(authorizationName, []string{})
		if param.Required {
			return []any{with}
		}
		return []any{obj(), with}
	}
	return nil
}

// securitySchemes returns the schemes that operations ask for; nil without any.
func (p *paths) securitySchemes() *object {
	if !p.auth {
		return nil
	}
	return obj(authorizationName, obj("type", "apiKey", "in", "header", "name", "Authorization"))
}
