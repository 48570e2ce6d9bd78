//go:build unix && !linux

package routing

// hasLeftBehindData is only known on Linux.
func hasLeftBehindData(int) bool { return false }
