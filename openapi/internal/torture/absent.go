package torture

import (
	"encoding/json"
	"time"

	"github.com/velithon-go/velithon/params"
)

// The types of what may be absent, of unknown members and of problems.
type (
	// Patch has members that may be absent, or null, or both.
	Patch struct {
		Name     params.Optional[string]      `json:"name" validate:"min=1" doc:"What it is called" example:"pen"`
		Phone    params.Optional[*string]     `json:"phone" validate:"e164"`
		Age      params.Optional[int]         `json:"age,omitzero" validate:"omitempty,min=18"`
		Must     params.Optional[bool]        `json:"must" validate:"required"`
		MustNull params.Optional[*Item]       `json:"must_null" validate:"required"`
		Item     params.Optional[Item]        `json:"item"`
		Items    params.Optional[[]Item]      `json:"items,omitzero" validate:"max=3,dive"`
		Day      params.Optional[params.Date] `json:"day" example:"2026-12-01"`
		Any      params.Optional[any]         `json:"any"`
		Other    params.Optional[string]      `json:"other" validate:"required_without=Name"`
		Pointer  *params.Optional[int]        `json:"pointer"`
	}
	// Days has days, durations that are texts, and a box.
	Days struct {
		Day   params.Date         `json:"day" validate:"required" example:"2026-12-01"`
		Until *params.Date        `json:"until" validate:"omitempty,gtefield=Day"`
		Maybe params.Date         `json:"maybe,omitzero"`
		Wait  params.Duration     `json:"wait" validate:"min=1m" example:"1h30m"`
		Box   params.Checkbox     `json:"box"`
		ByDay map[params.Date]int `json:"by_day"`
		Many  []params.Duration   `json:"many"`
	}
	// Defaults has members with a default.
	Defaults struct {
		Nights int             `json:"nights" default:"2" validate:"min=1" doc:"How many"`
		Signed int8            `json:"signed" default:"+05"`
		Half   *float64        `json:"half" default:".5"`
		Kind   string          `json:"kind" default:"b" validate:"oneof=a b"`
		Wait   time.Duration   `json:"wait" default:"1h"`
		Text   params.Duration `json:"text" default:"1h30m"`
		Day    params.Date     `json:"day" default:"2026-12-01"`
		At     time.Time       `json:"at" default:"2026-12-01T10:00:00Z"`
		Box    params.Checkbox `json:"box" default:"on"`
		Bool   bool            `json:"bool" default:"t"`
		Quoted int             `json:"quoted,string" default:"007"`
		Twice  string          `json:"twice,string" default:"x\"y"`
		Tags   []string        `json:"tags" default:"a,b"`
		Waits  []time.Duration `json:"waits" default:"1s,2s"`
		Level  Level           `json:"level" default:"high"`
		Number json.Number     `json:"number" default:"1.50"`
		Inside struct {
			Least int `json:"least" default:"3" validate:"min=1"`
		} `json:"inside"`
	}

	// Only is read by a route that refuses unknown members, and by no other.
	Only struct {
		Empty struct{} `json:"empty"`
		Name  string   `json:"name"`
		Inner struct {
			Base
			Map map[string]Base `json:"map"`
		} `json:"inner"`
	}
	// DescribedRef has references with words of their own.
	DescribedRef struct {
		Item  Item  `json:"item" doc:"What it is about"`
		Maybe *Item `json:"maybe" doc:"What else it is about"`
	}

	// Traced is what all problems of the app have.
	Traced struct {
		Trace string `json:"trace" doc:"an id of the request"`
	}
	// Credit is what a type of problem has.
	Credit struct {
		Balance  int      `json:"balance"`
		Costs    int      `json:"costs"`
		Currency []string `json:"currency"`
	}
)
