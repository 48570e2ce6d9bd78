//go:build race

package params

const raceEnabled = true
