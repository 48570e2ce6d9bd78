// Package other has types whose names others have, too.
package other

// An Item has the name of another package's type.
type Item struct {
	Code string `json:"code" validate:"required,len=4"`
}

// A Node has one, too, and refers to itself.
type Node struct {
	Name string  `json:"name"`
	Next []*Node `json:"next,omitempty"`
}
