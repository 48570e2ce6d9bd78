//go:build !linux

package child

import (
	"os"
	"os/exec"
)

// Leash does nothing here.
func Leash(*exec.Cmd) {}

// KillGroup kills a process.
func KillGroup(process *os.Process) { _ = process.Kill() }
