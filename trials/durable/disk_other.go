//go:build !linux

package main

import "errors"

// A disk is one that can be full, which there is not here.
type disk struct{}

func newDisk(string) (*disk, error) { return nil, errors.ErrUnsupported }

func (*disk) fill() error   { return errors.ErrUnsupported }
func (*disk) free() error   { return errors.ErrUnsupported }
func (*disk) remove() error { return errors.ErrUnsupported }
