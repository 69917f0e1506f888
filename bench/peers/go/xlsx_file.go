package main

import (
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"
)

// xlsxFile is excelize's StreamWriter, cells typed as the service types them.
type xlsxFile struct {
	path      string
	columns   []column
	book      *excelize.File
	sheet     *excelize.StreamWriter
	day, hour int // styles
	nextRow   int
}

func newXlsxFile(path string, columns []column) (*xlsxFile, error) {
	f := &xlsxFile{path: path, columns: columns, book: excelize.NewFile(), nextRow: 1}
	var err error
	if f.day, err = dateStyle(f.book, "yyyy-mm-dd"); err != nil {
		return nil, err
	}
	if f.hour, err = dateStyle(f.book, "yyyy-mm-dd hh:mm:ss"); err != nil {
		return nil, err
	}
	if f.sheet, err = f.book.NewStreamWriter("Sheet1"); err != nil {
		return nil, err
	}
	var header []any
	for _, column := range columns {
		header = append(header, column.name)
	}
	return f, f.write([][]any{header})
}

func dateStyle(book *excelize.File, format string) (int, error) {
	return book.NewStyle(&excelize.Style{CustomNumFmt: &format})
}

func (f *xlsxFile) decode(message []byte) (rows [][]any, err error) {
	err = eachRecord(message, func(record *record) error {
		row := make([]any, len(record.cells))
		for column, cell := range record.cells {
			if record.isNull(column) {
				continue
			}
			if row[column], err = f.typed(f.columns[column].dataType, string(cell)); err != nil {
				return err
			}
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

func (f *xlsxFile) typed(dataType, text string) (any, error) {
	switch {
	case dataType == "NUMBER":
		return strconv.ParseFloat(text, 64)
	case dataType == "BOOLEAN":
		return text == "true", nil
	case dataType == "DATE" && len(text) > len(time.DateOnly):
		moment, err := time.Parse(time.DateTime, text)
		return excelize.Cell{StyleID: f.hour, Value: moment}, err
	case dataType == "DATE":
		day, err := time.Parse(time.DateOnly, text)
		return excelize.Cell{StyleID: f.day, Value: day}, err
	}
	return text, nil
}

func (f *xlsxFile) write(rows [][]any) error {
	for _, row := range rows {
		if err := f.sheet.SetRow("A"+strconv.Itoa(f.nextRow), row); err != nil {
			return err
		}
		f.nextRow++
	}
	return nil
}

func (f *xlsxFile) finish() error {
	if err := f.sheet.Flush(); err != nil {
		return err
	}
	if err := f.book.SaveAs(f.path); err != nil {
		return err
	}
	return f.book.Close()
}
