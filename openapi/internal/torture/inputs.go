package torture

import (
	"time"

	"github.com/velithon-go/velithon/params"
)

// The inputs that are more than a body.
type (
	// Query has each type of a parameter.
	Query struct {
		Text     string        `query:"text" doc:"What to look for" example:"pen"`
		Bool     bool          `query:"bool" default:"true"`
		Int      int           `query:"int" default:"20" validate:"min=1,max=100"`
		Int8     int8          `query:"int8"`
		Uint     uint          `query:"uint" default:"3"`
		Float    float64       `query:"float" default:"0.5" validate:"gte=0,lt=1"`
		Since    time.Time     `query:"since" example:"2026-12-01T12:00:00Z"`
		Until    *time.Time    `query:"until"`
		Wait     time.Duration `query:"wait" default:"1m30s" validate:"gte=1s"`
		Level    Level         `query:"level"`
		ID       UUID          `query:"id"`
		Many     []string      `query:"many" validate:"max=3,dive,min=2"`
		Numbers  []int         `query:"numbers" default:"1,2" validate:"dive,gte=1"`
		Required string        `query:"required" validate:"required"`
		InFact   int           `query:"in_fact" validate:"gte=1"`
		Choice   string        `query:"choice" default:"new" validate:"oneof=new old"`
		Spared   string        `query:"spared" validate:"omitempty,len=2"`
		Odd      string        `query:"odd[name]"`

		Day      params.Date             `query:"day" default:"2026-12-01"`
		TextWait params.Duration         `query:"text_wait" default:"1h" validate:"min=1m"`
		Maybe    params.Optional[string] `query:"maybe" validate:"min=2"`
		Must     params.Optional[int]    `query:"must" validate:"required,min=2"`
		Signed   int                     `query:"signed" default:"+05"`
	}

	// Headers and cookies.
	Headers struct {
		Trace    string   `header:"X-Trace" validate:"omitempty,hexadecimal,len=32"`
		Many     []string `header:"X-Many" validate:"max=2,dive,alpha"`
		Required string   `header:"X-Required" validate:"required"`
		Accept   string   `header:"Accept"`
		Theme    string   `cookie:"theme" validate:"omitempty,oneof=dark light"`
		Session  string   `cookie:"session" validate:"required"`
	}

	// Guarded reads the header field that OpenAPI has security for.
	Guarded struct {
		Authorization string `header:"authorization" validate:"required"`
	}
	// MaybeGuarded reads it if it is there.
	MaybeGuarded struct {
		Authorization *string `header:"Authorization"`
	}

	// Paging is shared by inputs.
	Paging struct {
		Limit  int `query:"limit" default:"10" validate:"min=1,max=50" doc:"How many at most"`
		Offset int `query:"offset"`
	}
	// Paged embeds it.
	Paged struct {
		Paging
		Shop string `path:"shop" doc:"The shop"`
		ID   int    `path:"id" validate:"min=1"`
	}

	// Update has a body besides other fields.
	Update struct {
		ID   string `path:"id"`
		Dry  bool   `query:"dry"`
		Body Item   `body:"" validate:"required" doc:"What to put there"`
	}
	// MaybeBody has one that may be absent.
	MaybeBody struct {
		Body *Item `body:""`
	}
	// FreeBody has one that nothing is asked of.
	FreeBody struct {
		Body Times `body:"" validate:"-"`
	}

	// Login is a form.
	Login struct {
		User   string          `form:"user" validate:"required,min=3" doc:"The name"`
		Age    int             `form:"age" validate:"omitempty,min=18"`
		Roles  []string        `form:"role" validate:"max=3"`
		Stay   bool            `form:"stay" default:"false"`
		Accept params.Checkbox `form:"accept"`
		Source string          `query:"source"`
	}
	// Upload has files.
	Upload struct {
		Title string        `form:"title" validate:"required"`
		File  params.File   `form:"file" validate:"required" doc:"The picture"`
		Maybe *params.File  `form:"maybe"`
		More  []params.File `form:"more" validate:"max=3"`
	}

	// IDOnly has a parameter of the path.
	IDOnly struct {
		ID string `path:"id"`
	}
	// NumberOnly has it as a number.
	NumberOnly struct {
		ID int `path:"id"`
	}
	// Rest has the rest of the path.
	Rest struct {
		Path string `path:"path"`
	}
	// MaybeLang has an optional one.
	MaybeLang struct {
		Lang   *string `path:"lang"`
		Region *string `path:"region"`
	}
	// NameType has two in one segment.
	NameType struct {
		Name string `path:"name" validate:"max=20"`
		Type string `path:"type" validate:"oneof=json xml"`
	}
)
