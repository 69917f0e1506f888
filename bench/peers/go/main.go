// Command bench-peers writes the rows of a batch file with Go's writers and prints what it cost
// as JSON: bench-peers WRITER BATCHES ROWS OUTPUT.
//
// Reading the file is not counted. Decoding its messages and writing the rows are, apart from one
// another.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: bench-peers excelize|csv BATCHES ROWS OUTPUT")
	}
	cost, err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(cost); err != nil {
		log.Fatal(err)
	}
}

func run(writer, batches, rows, output string) (*report, error) {
	rowCount, err := strconv.Atoi(rows)
	if err != nil {
		return nil, err
	}
	file, err := openBatches(batches, rowCount)
	if err != nil {
		return nil, err
	}
	switch writer {
	case "excelize":
		return measure(file, newXlsxFile, output)
	case "csv":
		return measure(file, newCsvFile, output)
	}
	return nil, fmt.Errorf("unknown writer %q", writer)
}
