package velithon

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/velithon-go/velithon/routing"
)

// This file is for the command velithon, which prints what a program serves: its
// commands routes and openapi build the program with
//
//	go build -ldflags "-X github.com/velithon-go/velithon.describeTo=FILE"
//
// and run it. Its first app that would begin to serve writes its description into FILE
// instead, and ends the program; it has not listened, started its queue, or begun a task.

// describeTo is the path of the file. Only a linker sets it: it is empty in every other
// build, and nothing can change that when the program runs.
var describeTo string

// A description is what is in the file.
type description struct {
	Routes        []describedRoute `json:"routes"`
	Document      string           `json:"document"`       // OpenAPI, as the app serves it; empty for none
	DocumentError string           `json:"document_error"` // what is in the way of the document
}

type describedRoute struct {
	Method   string             `json:"method"`
	Pattern  string             `json:"pattern"`
	Name     string             `json:"name,omitempty"`
	Handler  string             `json:"handler"`
	Security [][]describedGuard `json:"security"` // one of them is needed, and all that is in it; empty for none
}

type describedGuard struct {
	Scheme string   `json:"scheme"`
	Scopes []string `json:"scopes,omitempty"`
}

func describe(routes []routing.Route) description {
	d := description{Routes: make([]describedRoute, len(routes))}
	for i, r := range routes {
		d.Routes[i] = describedRoute{r.Method, r.Pattern, r.Name, r.Handler, describedGuards(r)}
		document, ok := r.Annotation(routing.DocumentKey{}).(func() ([]byte, error))
		if !ok || d.Document != "" || d.DocumentError != "" {
			continue
		}
		if text, err := document(); err != nil {
			d.DocumentError = err.Error()
		} else {
			d.Document = string(text)
		}
	}
	return d
}

func describedGuards(r routing.Route) [][]describedGuard {
	ways := make([][]describedGuard, 0, len(r.Security()))
	for _, way := range r.Security() {
		guards := make([]describedGuard, len(way))
		for i, requirement := range way {
			guards[i] = describedGuard{requirement.Scheme.Name, requirement.Scopes}
		}
		ways = append(ways, guards)
	}
	return ways
}

// describing is never unlocked: a program has one app that describes itself.
var describing sync.Mutex

// describeInstead ends the process if it is to describe the app, before anything is opened.
func (a *App) describeInstead() {
	if describeTo != "" {
		a.built()
	}
}

// describeAndExit ends the process.
func describeAndExit(routes []routing.Route) {
	describing.Lock()
	text, err := json.Marshal(describe(routes))
	if err == nil {
		err = os.WriteFile(describeTo, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "velithon: describe the app:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
