package main

import (
	"encoding/csv"
	"errors"
	"io"
	"os"
)

func printRecords(out *lines, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := csv.NewReader(file)
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := out.encoder.Encode(record); err != nil {
			return err
		}
	}
}
