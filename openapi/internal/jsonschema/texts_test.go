package jsonschema

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/params"
)

// A pattern takes the texts that the validator takes by the rule: those made by the pattern,
// those with a change, and any others.
func TestPatternsEqualTheRules(t *testing.T) {
	v := params.NewValidator()
	for rule, pattern := range patterns {
		expression, err := regexp.Compile(pattern)
		require.NoError(t, err, rule)
		for _, construct := range []string{"(?", `\s`, `\w`, `\x{`, "[[:"} {
			require.NotContains(t, pattern, construct, "%s: ECMA-262 Reads this in another way", rule)
		}
		require.Zero(t, strings.Count(strings.ReplaceAll(pattern, `\.`, ""), "."), "%s: a dot is another in ECMA-262", rule)
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.OneOf(
				rapid.StringMatching(pattern),
				rapid.StringMatching(`[a-zA-Z0-9.+/_=%\- é]{0,12}`),
				rapid.String(),
			).Draw(t, "text")
			if change := rapid.SampledFrom([]string{"", "", "-", "é", "\n", "G", "0"}).Draw(t, "change"); change != "" {
				at := rapid.IntRange(0, len(text)).Draw(t, "at")
				text = strings.ToValidUTF8(text[:at]+change+text[at:], "")
			}
			if taken := v.Var(text, rule) == nil; taken != expression.MatchString(text) {
				t.Fatalf("%s: the validator takes %q: %t", rule, text, taken)
			}
		})
	}
}
