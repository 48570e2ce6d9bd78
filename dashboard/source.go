package dashboard

import "github.com/velithon-go/velithon/dashboard/source"

// What a page shows and does is defined by package source, so that engines need no more than
// that. These are its names.
type (
	// Source is the work that a page shows.
	Source = source.Source

	// Controller is a Source whose work can be acted upon.
	Controller = source.Controller

	// Sampled is a source that is cheap to ask.
	Sampled = source.Sampled

	// Overview is the numbers of a moment.
	Overview = source.Overview

	// Numbers are those of all tasks, or of a kind's.
	Numbers = source.Numbers

	// Kind is the numbers of one kind of tasks.
	Kind = source.Kind

	// Filter says which tasks are asked for.
	Filter = source.Filter

	// Tasks is a page of tasks.
	Tasks = source.Tasks

	// TaskRow is what a list has of a task.
	TaskRow = source.TaskRow

	// Task is what is known of a task.
	Task = source.Task

	// Failure is one of a task's failed attempts.
	Failure = source.Failure

	// Act is a verb with what it is for.
	Act = source.Act

	// Verb is what can be done to work.
	Verb = source.Verb

	// ActError says why an act can't be done now.
	ActError = source.ActError
)

// ErrNoTask says that there is no task of an id, or that it ended too long ago.
var ErrNoTask = source.ErrNoTask

// What can be done: the first three to a task, the others to a kind.
const (
	Cancel   = source.Cancel
	RetryNow = source.RetryNow
	Discard  = source.Discard
	Pause    = source.Pause
	Resume   = source.Resume
)
