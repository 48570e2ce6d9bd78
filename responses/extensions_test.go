package responses_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// The example of RFC 9457, section 3.
var errCredit = &responses.Problem{Type: "https://example.com/probs/out-of-credit", Title: "You do not have enough credit.", Status: 403}

type credit struct {
	Balance  int      `json:"balance"`
	Accounts []string `json:"accounts"`
	Note     string   `json:"note,omitempty"`
}

func TestProblemWithExtensions(t *testing.T) {
	short := errCredit.WithDetail("Your current balance is 30, but that costs 50.").WithExtensions(credit{30, []string{"/account/12345", "/account/67890"}, ""})
	for name, test := range map[string]struct {
		problem *responses.Problem
		body    string
	}{
		"struct": {short, `{"type":"https://example.com/probs/out-of-credit","title":"You do not have enough credit.","status":403,` +
			`"detail":"Your current balance is 30, but that costs 50.","balance":30,"accounts":["/account/12345","/account/67890"]}`},
		"map":     {(&responses.Problem{Status: 409}).WithExtensions(map[string]any{"a<b": nil, "Title": 1}), `{"title":"Conflict","status":409,"Title":1,"a\u003cb":null}`},
		"empty":   {(&responses.Problem{Status: 409}).WithExtensions(struct{}{}), `{"title":"Conflict","status":409}`},
		"nil map": {(&responses.Problem{Status: 409}).WithExtensions(map[string]int(nil)), `{"title":"Conflict","status":409}`},
		"nil":     {(&responses.Problem{Status: 409}).WithExtensions((*credit)(nil)), `{"title":"Conflict","status":409}`},
		"errors":  {&responses.Problem{Status: 422, Errors: []int{1}, Extensions: &credit{}}, `{"title":"Unprocessable Entity","status":422,"errors":[1],"balance":0,"accounts":null}`},
	} {
		sent, err := exchange(t, test.problem, get())
		require.NoError(t, err, name)
		response := parse(t, sent)
		assert.Equal(t, test.body, string(response.Body()), name)
		assert.Equal(t, "application/problem+json", string(response.Header.ContentType()), name)
	}
	assert.ErrorIs(t, short, errCredit)
	assert.Nil(t, errCredit.Extensions)
	assert.Empty(t, errCredit.Detail)
	assert.EqualError(t, short, "403 You do not have enough credit.: Your current balance is 30, but that costs 50.")
}

func TestExtensionsThatCannotBe(t *testing.T) {
	for want, extensions := range map[string]any{
		`the extensions of a problem have the member "status", which every problem has: give it another name`:     map[string]int{"status": 1},
		`the extensions of a problem are []int, which is no JSON object: use a struct or a map with string keys`:  []int{1},
		`the extensions of a problem are string, which is no JSON object: use a struct or a map with string keys`: "x",
	} {
		var raw fasthttp.RequestCtx
		assert.EqualError(t, errCredit.WithExtensions(extensions).Write(&raw), want)
		assert.Empty(t, raw.Response.Body())
		responses.WriteProblem(&raw, errCredit.WithExtensions(extensions))
		assert.Equal(t, 500, raw.Response.StatusCode())
	}
	var raw fasthttp.RequestCtx
	assert.Error(t, errCredit.WithExtensions(func() {}).Write(&raw))
	assert.ErrorIs(t, errCredit.WithExtensions(broken{}).Write(&raw), errBroken)
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { return nil, errBroken }
