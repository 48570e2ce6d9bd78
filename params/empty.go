package params

// IsEmpty reports whether the input takes nothing from the request, as struct{}
// does, so that [Plan.Decode] has nothing to do.
func (p *Plan) IsEmpty() bool { return p.body == nil && len(p.params) == 0 }
