package child

import (
	"os"
	"os/exec"
	"syscall"
)

// Leash has the kernel send SIGTERM to a command that is about to be started
// when this program ends, however it does, so that a trial which is killed
// leaves nothing behind. It puts the command into a process group of its own.
// On other systems than Linux it does nothing.
func Leash(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// KillGroup kills a process that was leashed, and those that it has made.
func KillGroup(process *os.Process) { _ = syscall.Kill(-process.Pid, syscall.SIGKILL) }
