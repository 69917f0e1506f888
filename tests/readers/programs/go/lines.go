package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// lines writes one JSON value a line.
type lines struct {
	encoder *json.Encoder
}

func (l *lines) print(values ...any) error {
	return l.encoder.Encode(values)
}

func printFile(folder, path string, printer func(*lines, string) error) error {
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	file, err := os.Create(filepath.Join(folder, stem+".jsonl"))
	if err != nil {
		return err
	}
	defer file.Close()
	buffer := bufio.NewWriter(file)
	out := &lines{json.NewEncoder(buffer)}
	if err := printer(out, path); err != nil {
		return out.printErrorAndFlush(err, buffer)
	}
	return buffer.Flush()
}

// printErrorAndFlush tells the test that the reader could not read this file.
func (l *lines) printErrorAndFlush(failure error, buffer *bufio.Writer) error {
	if err := l.print("error", failure.Error()); err != nil {
		return err
	}
	return buffer.Flush()
}
