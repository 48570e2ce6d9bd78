package main

import (
	"fmt"
	"os"
	"strings"
)

// A substitution is what a documented configuration has to have another value
// for, in order to run here: an address, a port or a path.
type substitution struct{ documented, here string }

// configuration returns the configuration that a document shows, in its one
// fenced block of a language, with the substitutions made. Each must be possible
// once, so that nothing but what is meant is replaced.
func configuration(document, language string, substitutions []substitution) (string, error) {
	text, err := os.ReadFile(document) //nolint:gosec // the one that was asked for
	if err != nil {
		return "", err
	}
	block, err := fenced(string(text), language)
	if err != nil {
		return "", fmt.Errorf("%s: %w", document, err)
	}
	for _, s := range substitutions {
		if n := strings.Count(block, s.documented); n != 1 {
			return "", fmt.Errorf("%s: its %s block has %q %d times, want it once", document, language, s.documented, n)
		}
		block = strings.Replace(block, s.documented, s.here, 1)
	}
	return block, nil
}

// fenced returns the one fenced block of a language.
func fenced(markdown, language string) (string, error) {
	blocks := strings.Split(markdown, "\n```"+language+"\n")[1:]
	if len(blocks) != 1 {
		return "", fmt.Errorf("there are %d blocks of %s, want one", len(blocks), language)
	}
	block, _, closed := strings.Cut(blocks[0], "\n```\n")
	if !closed {
		return "", fmt.Errorf("the block of %s has no end", language)
	}
	return block + "\n", nil
}
