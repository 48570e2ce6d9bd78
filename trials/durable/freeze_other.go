//go:build !linux

package main

import "errors"

func (*cluster) freeze() error { return errors.ErrUnsupported }
func (*cluster) thaw() error   { return errors.ErrUnsupported }
