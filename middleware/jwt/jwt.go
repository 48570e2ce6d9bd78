// Package jwt provides who sends a JSON Web Token (RFC 7519). It is a module of its own, on
// github.com/golang-jwt/jwt/v5.
package jwt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/middleware"
	"github.com/velithon-go/velithon/responses"
)

// Options says which tokens are taken.
type Options struct {
	// Keys returns the key for a token: that of a JWKS, as Keyfunc of
	// github.com/MicahParks/keyfunc/v3 has it, a [Secret], or one of your own. A secret that is
	// shorter than what the algorithm makes of it, 32 bytes for HS256, is refused with a 500,
	// since it could be guessed (RFC 7518, section 3.2); above all one that was not set.
	Keys jwt.Keyfunc

	// Methods are the algorithms that the issuer uses, such as "ES256". The token's own word
	// for it counts for nothing else. "none" is not among them, nor secrets (HS256) beside
	// public keys, which are known to everyone.
	Methods []string

	Issuer   string // has to be the claim iss
	Audience string // has to be in the claim aud: it is this service that the token is for

	// Leeway is by how much clocks may differ; 0 means by nothing.
	Leeway time.Duration
}

// Secret returns the Keys of an issuer that signs with a secret which the service knows, too.
// It panics on one that is shorter than 32 bytes, as a variable is that was not set.
func Secret(secret string) jwt.Keyfunc {
	if len(secret) < sha256.Size {
		panic(fmt.Sprintf("jwt: Secret: %d bytes could be guessed: want at least %d of chance (RFC 7518, section 3.2)", len(secret), sha256.Size))
	}
	return func(*jwt.Token) (any, error) { return []byte(secret), nil }
}

// errShort is no fault of a client: it is answered with 500, and in the log.
var errShort = errors.New("jwt: the secret is too short for its algorithm, and could be guessed (RFC 7518, section 3.2)")

// refuseShort returns keys with secrets that are long enough for their tokens.
func refuseShort(keys jwt.Keyfunc) jwt.Keyfunc {
	return func(token *jwt.Token) (any, error) {
		key, err := keys(token)
		hmac, ok := token.Method.(*jwt.SigningMethodHMAC)
		if err != nil || !ok {
			return key, err
		}
		all := []jwt.VerificationKey{key}
		if set, ok := key.(jwt.VerificationKeySet); ok {
			all = set.Keys
		}
		for _, k := range all {
			if secret, ok := k.([]byte); ok && len(secret) < hmac.Hash.Size() {
				return nil, errShort
			}
		}
		return key, nil
	}
}

var errInvalid = &responses.Problem{
	Status: fasthttp.StatusUnauthorized,
	Detail: "the token is not valid",
	Header: responses.Header{fasthttp.HeaderWWWAuthenticate: {`Bearer error="invalid_token"`}}, // RFC 6750, section 3
}

// Auth returns a provider of who sends a token in Authorization: Bearer TOKEN. Its signature,
// iss, aud, exp, which has to be there, nbf and iat are right when check is called, which
// makes of the claims who that is, or returns a problem: 403 for a scope that is missing, say.
// C is a struct with [jwt.RegisteredClaims] in it. It panics when anything of o but Leeway is
// not set.
//
//	type claims struct {
//		jwt.RegisteredClaims
//		Name string `json:"name"`
//	}
//
//	token := routing.Bearer("token", "JWT")
//	routing.Provide(api, jwt.Auth(o, userOf), routing.Secured(token), routing.Everywhere())
func Auth[C jwt.Claims, T any](o Options, check func(ctx context.Context, claims C) (T, error)) func(context.Context, middleware.AuthorizationInput) (T, error) {
	if err := o.check(); err != nil {
		panic(err)
	}
	if _, ok := any(new(C)).(jwt.Claims); !ok {
		panic(fmt.Errorf("jwt: Auth: the claims %v are a pointer or an interface: use the struct itself", reflect.TypeFor[C]()))
	}
	parser := jwt.NewParser(jwt.WithValidMethods(o.Methods), jwt.WithIssuer(o.Issuer), jwt.WithAudience(o.Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(o.Leeway), jwt.WithStrictDecoding())
	keys := refuseShort(o.Keys)
	return middleware.BearerAuth(func(ctx context.Context, token string) (none T, err error) {
		claims := new(C)
		if _, err := parser.ParseWithClaims(token, any(claims).(jwt.Claims), keys); errors.Is(err, errShort) {
			return none, errShort
		} else if err != nil {
			return none, errInvalid.WithCause(err)
		}
		return check(ctx, *claims)
	})
}

func (o Options) check() error {
	isSecret := func(method string) bool { return strings.HasPrefix(method, "HS") }
	switch {
	case o.Keys == nil:
		return fmt.Errorf("jwt: Options.Keys is nil: give the Keyfunc of a JWKS, or one of your own")
	case len(o.Methods) == 0:
		return fmt.Errorf("jwt: Options.Methods is empty: name the algorithms of the issuer, such as \"ES256\"")
	case o.Issuer == "" || o.Audience == "":
		return fmt.Errorf("jwt: Options.Issuer or Audience is empty: a token that is for another service would be taken")
	case slices.ContainsFunc(o.Methods, isSecret) && !slices.ContainsFunc(o.Methods, func(m string) bool { return !isSecret(m) }):
	case slices.ContainsFunc(o.Methods, isSecret):
		return fmt.Errorf("jwt: Options.Methods %q has secrets beside public keys, which anyone could sign with: name those of one kind", o.Methods)
	}
	for _, method := range o.Methods {
		if jwt.GetSigningMethod(method) == nil || strings.EqualFold(method, "none") {
			return fmt.Errorf("jwt: Options.Methods: %q is no algorithm that signs: want one such as \"ES256\"", method)
		}
	}
	return nil
}
