package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

const isoMillis = "2006-01-02T15:04:05.000"

func printCells(out *lines, path string) error {
	book, err := excelize.OpenFile(path)
	if err != nil {
		return err
	}
	defer book.Close()
	for _, sheet := range book.GetSheetList() {
		if err := out.print(sheet); err != nil {
			return err
		}
		if err := (&sheetReader{book, sheet, out}).printAll(); err != nil {
			return err
		}
	}
	return nil
}

type sheetReader struct {
	book  *excelize.File
	sheet string
	out   *lines
}

func (s *sheetReader) printAll() error {
	rows, err := s.book.GetRows(s.sheet, excelize.Options{RawCellValue: true})
	if err != nil {
		return err
	}
	for row, values := range rows {
		for column, raw := range values {
			if err := s.print(row+1, column+1, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sheetReader) print(row, column int, raw string) error {
	name, err := excelize.CoordinatesToCellName(column, row)
	if err != nil {
		return err
	}
	kind, err := s.book.GetCellType(s.sheet, name)
	if err != nil {
		return err
	}
	switch kind {
	case excelize.CellTypeInlineString, excelize.CellTypeSharedString, excelize.CellTypeFormula:
		return s.out.print(row, column, "text", raw)
	case excelize.CellTypeBool:
		return s.out.print(row, column, "boolean", raw == "1")
	case excelize.CellTypeUnset, excelize.CellTypeNumber:
		if raw == "" {
			return nil
		}
		return s.printNumber(row, column, name, raw)
	}
	return s.out.print(row, column, strconv.Itoa(int(kind)), raw)
}

func (s *sheetReader) printNumber(row, column int, name, raw string) error {
	value, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return err
	}
	isDate, err := s.hasDateFormat(name)
	if err != nil || !isDate {
		return firstError(err, func() error { return s.out.print(row, column, "number", value) })
	}
	moment, err := excelize.ExcelDateToTime(value, false)
	if err != nil {
		return err
	}
	return s.out.print(row, column, "date", moment.Round(time.Millisecond).Format(isoMillis))
}

// hasDateFormat tells a date from a number: excelize leaves that to its callers.
func (s *sheetReader) hasDateFormat(name string) (bool, error) {
	id, err := s.book.GetCellStyle(s.sheet, name)
	if err != nil {
		return false, err
	}
	style, err := s.book.GetStyle(id)
	if err != nil {
		return false, err
	}
	if style.CustomNumFmt == nil {
		return style.NumFmt >= 14 && style.NumFmt <= 22, nil
	}
	plain := strings.NewReplacer("[Red]", "", "General", "").Replace(*style.CustomNumFmt)
	return strings.ContainsAny(plain, "ymdhs"), nil
}

func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func printRows(out *lines, path string) error {
	book, err := excelize.OpenFile(path)
	if err != nil {
		return err
	}
	defer book.Close()
	for _, sheet := range book.GetSheetList() {
		if err := out.print(sheet); err != nil {
			return err
		}
		if err := printStreamedRows(out, book, sheet); err != nil {
			return err
		}
	}
	return nil
}

func printStreamedRows(out *lines, book *excelize.File, sheet string) error {
	rows, err := book.Rows(sheet)
	if err != nil {
		return err
	}
	defer rows.Close()
	for row := 1; rows.Next(); row++ {
		values, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return err
		}
		for column, raw := range values {
			if err := out.print(row, column+1, "text", raw); err != nil {
				return err
			}
		}
	}
	return rows.Error()
}
