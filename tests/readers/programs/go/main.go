// Readers prints files as Go programs read them, one JSON array a line.
//
//	readers cells OUT FILE...     XLSX by excelize, cell by cell
//	readers rows OUT FILE...      XLSX by excelize's streaming reader: raw texts only
//	readers csv OUT FILE...       CSV by encoding/csv, a line a record
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(command, folder string, paths []string) error {
	printers := map[string]func(*lines, string) error{
		"cells": printCells,
		"rows":  printRows,
		"csv":   printRecords,
	}
	printer, known := printers[command]
	if !known {
		return fmt.Errorf("no command %q", command)
	}
	for _, path := range paths {
		if err := printFile(folder, path, printer); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
