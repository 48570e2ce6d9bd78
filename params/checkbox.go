package params

import (
	"strconv"

	"github.com/velithon-go/velithon/params/internal/memory"
)

// A Checkbox is a bool that an HTML checkbox fills. A browser sends "on" for a box that
// is ticked and has no value of its own, and nothing for one that is not. Besides "on" a
// Checkbox takes what a bool takes. In JSON it is true or false.
type Checkbox bool

var errNotTicked = mustBe("on, true or false")

func setCheckbox(p memory.Pointer, text string) error {
	if text == "on" {
		*memory.As[bool](p) = true
		return nil
	}
	ticked, err := strconv.ParseBool(text)
	if err != nil {
		return errNotTicked
	}
	*memory.As[bool](p) = ticked
	return nil
}
