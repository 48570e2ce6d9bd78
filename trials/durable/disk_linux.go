package main

import (
	"fmt"
	"syscall"
)

// A disk is a small file system in memory, which can be full.
type disk struct{ folder string }

// newDisk mounts one at a folder, for which a program needs rights.
func newDisk(folder string) (*disk, error) {
	d := &disk{folder}
	return d, syscall.Mount("tmpfs", folder, "tmpfs", 0, roomy)
}

const roomy = "size=2g" // of which is taken what is used

// fill makes it full.
func (d *disk) fill() error {
	return firstOf(func() error {
		var now syscall.Statfs_t
		if err := syscall.Statfs(d.folder, &now); err != nil {
			return err
		}
		used := (now.Blocks - now.Bfree) * uint64(now.Bsize)
		return d.resize(fmt.Sprintf("size=%d", used)) // which fails if more is used by now
	})
}

// free makes room again.
func (d *disk) free() error { return d.resize(roomy) }

func (d *disk) resize(options string) error {
	return syscall.Mount("tmpfs", d.folder, "tmpfs", syscall.MS_REMOUNT, options)
}

// remove removes it with all that it has.
func (d *disk) remove() error {
	return firstOf(func() error { return syscall.Unmount(d.folder, 0) })
}
