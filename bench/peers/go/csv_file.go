package main

import (
	"encoding/csv"
	"os"
)

// csvFile is encoding/csv, writing RFC 4180 as the service does by default.
type csvFile struct {
	file   *os.File
	writer *csv.Writer
}

func newCsvFile(path string, columns []column) (*csvFile, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	writer := csv.NewWriter(file)
	writer.UseCRLF = true
	var header []string
	for _, column := range columns {
		header = append(header, column.name)
	}
	return &csvFile{file, writer}, writer.Write(header)
}

func (f *csvFile) decode(message []byte) (rows [][]string, err error) {
	err = eachRecord(message, func(record *record) error {
		row := make([]string, len(record.cells))
		for column, cell := range record.cells {
			row[column] = string(cell)
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

func (f *csvFile) write(rows [][]string) error {
	for _, row := range rows {
		if err := f.writer.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func (f *csvFile) finish() error {
	f.writer.Flush()
	if err := f.writer.Error(); err != nil {
		return err
	}
	return f.file.Close()
}
