//go:build !linux

package main

import "errors"

func (*cluster) freeze() error { return errors.ErrUnsupported }
func (*cluster) thaw() error   { return errors.ErrUnsupported }

func (*process) stop() error   { return errors.ErrUnsupported }
func (*process) resume() error { return errors.ErrUnsupported }
