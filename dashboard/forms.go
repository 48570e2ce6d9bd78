package dashboard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

// A form is good for an hour, for one act, once, and for who has got it.
const (
	formLife = time.Hour
	mostUsed = 100_000 // tokens that are kept, so that none is good twice
)

var (
	errForged   = errors.New("this form was not made for that, or before the service was started: load the page again")
	errReplayed = errors.New("this form was sent before: load the page again")
	errOldForm  = errors.New("this form is too old: load the page again")
	errManyActs = errors.New("too many acts within an hour")
)

// forms makes and redeems the tokens of forms.
type forms struct {
	key [sha256.Size]byte // of this process, or of those that share a secret

	mu   sync.Mutex // guards used
	used map[nonce]time.Time
}

type nonce [16]byte

// minSecret is the least size of a secret, in bytes.
const minSecret = 32

func (f *forms) init(secret []byte) {
	_, _ = rand.Read(f.key[:]) // never fails
	if len(secret) > 0 {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("forms of the page of background work"))
		mac.Sum(f.key[:0])
	}
	f.used = make(map[nonce]time.Time)
}

// token returns what has to come with the form of an act: a nonce, when it ends, and a MAC
// over these, the act and who may do it.
func (f *forms) token(act Act, who string) string {
	var n nonce
	_, _ = rand.Read(n[:])
	text := binary.BigEndian.AppendUint64(n[:], uint64(time.Now().Add(formLife).UnixNano()))
	return base64.RawURLEncoding.EncodeToString(append(text, f.mac(text, act, who)...))
}

// name tells those apart who make forms with different keys.
func (f *forms) name() string { return hex.EncodeToString(f.mac([]byte("name"), Act{}, "")[:6]) }

// inForm returns a text as a form has it: whatever is in it comes back as it was.
func inForm(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// ofForm returns the act that a form asks for.
func ofForm(in *form) (Act, error) {
	id, err := base64.RawURLEncoding.Strict().DecodeString(in.ID)
	if err != nil {
		return Act{}, errForged
	}
	kind, err := base64.RawURLEncoding.Strict().DecodeString(in.Kind)
	if err != nil {
		return Act{}, errForged
	}
	return Act{Verb: Verb(in.Verb), ID: string(id), Kind: string(kind)}, nil
}

// mac returns the MAC of the beginning of a token. Each text has its length in front of it,
// so that none can be taken for a part of another.
func (f *forms) mac(text []byte, act Act, who string) []byte {
	mac := hmac.New(sha256.New, f.key[:])
	mac.Write(text)
	for _, part := range []string{string(act.Verb), act.ID, act.Kind, who} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// tokenSize is that of a token before it is encoded.
const tokenSize = len(nonce{}) + 8 + sha256.Size

// redeem uses a token up, or says what is wrong with it.
func (f *forms) redeem(token string, act Act, who string) error {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(decoded) != tokenSize {
		return errForged
	}
	text, sum := decoded[:tokenSize-sha256.Size], decoded[tokenSize-sha256.Size:]
	if !hmac.Equal(sum, f.mac(text, act, who)) {
		return errForged
	}
	n, end := nonce(text[:len(nonce{})]), time.Unix(0, int64(binary.BigEndian.Uint64(text[len(nonce{}):])))
	now := time.Now()
	if !now.Before(end) {
		return errOldForm
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, used := f.used[n]; used {
		return errReplayed
	}
	if len(f.used) >= mostUsed {
		for other, end := range f.used {
			if !now.Before(end) {
				delete(f.used, other)
			}
		}
		if len(f.used) >= mostUsed {
			return errManyActs
		}
	}
	f.used[n] = end
	return nil
}
