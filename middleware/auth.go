package middleware

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// errUnknown is the answer to credentials that are wrong in any way: which is nobody's to
// know. The provider's scheme adds WWW-Authenticate.
var errUnknown = responses.NewProblem(fasthttp.StatusUnauthorized, "the credentials are not known")

// AuthorizationInput is the input of the providers of [BearerAuth] and [BasicAuth].
type AuthorizationInput struct {
	Authorization string `header:"Authorization"`
}

// KeyInput is the input of the provider of [KeyAuth].
type KeyInput struct {
	Key string `header:"X-Api-Key"`
}

// BearerAuth returns a provider of who sends a token in Authorization: Bearer TOKEN (RFC
// 6750). check says who that is, or returns a problem: 401, or 403 for one who may not. It
// may be called by many goroutines at once. [Secrets] makes one.
//
//	token := routing.Bearer("token", "")
//	routing.Provide(api, middleware.BearerAuth(check), routing.Secured(token), routing.Everywhere())
func BearerAuth[T any](check func(ctx context.Context, token string) (T, error)) func(context.Context, AuthorizationInput) (T, error) {
	return func(ctx context.Context, in AuthorizationInput) (none T, err error) {
		token, ok := cutScheme(in.Authorization, "Bearer")
		if !ok {
			return none, errUnknown
		}
		return check(ctx, token)
	}
}

// KeyAuth returns a provider of who sends a key in the header X-Api-Key, for routing.Secured with
// routing.APIKey("key", params.Header, "X-Api-Key"). For another place call check in a
// provider of your own, which names it in its input. check is as that of [BearerAuth].
func KeyAuth[T any](check func(ctx context.Context, key string) (T, error)) func(context.Context, KeyInput) (T, error) {
	return func(ctx context.Context, in KeyInput) (none T, err error) {
		if in.Key == "" {
			return none, errUnknown
		}
		return check(ctx, in.Key)
	}
}

// BasicAuth returns a provider of who sends a name with a password in Authorization: Basic
// (RFC 7617). check is as that of [BearerAuth]; it has to take as long for names that do
// not exist. [Passwords] makes one.
func BasicAuth[T any](check func(ctx context.Context, name, password string) (T, error)) func(context.Context, AuthorizationInput) (T, error) {
	return func(ctx context.Context, in AuthorizationInput) (none T, err error) {
		encoded, ok := cutScheme(in.Authorization, "Basic")
		if !ok {
			return none, errUnknown
		}
		text, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil {
			return none, errUnknown
		}
		name, password, ok := strings.Cut(string(text), ":")
		if !ok || strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return none, errUnknown
		}
		return check(ctx, name, password)
	}
}

// cutScheme returns what stands behind the name of a scheme, which is in any case.
func cutScheme(field, scheme string) (credentials string, ok bool) {
	name, credentials, ok := strings.Cut(field, " ")
	credentials = strings.Trim(credentials, " ")
	return credentials, ok && credentials != "" && strings.EqualFold(name, scheme)
}

// Secrets returns a check for [BearerAuth] and [KeyAuth]: whose each secret is. It keeps
// their hashes (SHA-256), and to look one up takes a time that tells nothing about the
// others. Secrets have to be random and long, as rand.Text of crypto/rand makes them: none
// may be shorter than 16 bytes, and it panics on one that is.
func Secrets[T any](holders map[string]T) func(ctx context.Context, secret string) (T, error) {
	known := make(map[[sha256.Size]byte]T, len(holders))
	for secret, holder := range holders {
		if len(secret) < 16 {
			panic(fmt.Sprintf("velithon: Secrets: the secret of %v has %d bytes, and could be guessed: want at least 16 of chance", holder, len(secret)))
		}
		known[sha256.Sum256([]byte(secret))] = holder
	}
	return func(_ context.Context, secret string) (holder T, err error) {
		holder, ok := known[sha256.Sum256([]byte(secret))]
		if !ok {
			return holder, errUnknown
		}
		return holder, nil
	}
}

// Passwords returns a check for [BasicAuth]: a few names with their passwords, as of those
// who may see metrics, and who they are is the name. It compares in constant time, also
// where there is no such name. It keeps plain hashes (SHA-256), so it is not for what
// people have chosen and a database keeps. It panics on a name or a password that is empty, as a
// variable is that was not set.
//
//	type operator string
//	check := middleware.Passwords(map[operator]string{"ada": os.Getenv("PASSWORD")})
func Passwords[T ~string](passwords map[T]string) func(ctx context.Context, name, password string) (T, error) {
	known := make(map[string][sha256.Size]byte, len(passwords))
	for name, password := range passwords {
		if name == "" || password == "" || strings.Contains(string(name), ":") {
			panic(fmt.Sprintf("velithon: Passwords: the name or the password of %q is empty, or the name has a colon", string(name)))
		}
		known[string(name)] = sha256.Sum256([]byte(password))
	}
	return func(_ context.Context, name, password string) (T, error) {
		want, ok := known[name]
		have := sha256.Sum256([]byte(password))
		if subtle.ConstantTimeCompare(want[:], have[:]) == 0 || !ok {
			return "", errUnknown
		}
		return T(name), nil
	}
}
