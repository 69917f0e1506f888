package main

import (
	"strconv"

	"rowferry.test/client/rowferryv1"
)

// The data set of the end-to-end tests and the benchmarks: every value is integer arithmetic on
// the row's number. bench/dataset.py describes it and computes the same in Python; change both.

const (
	nullRemarkEvery = 16
	lineBreakEvery  = 50
	remarkColumn    = 3
)

var (
	familyNames = []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "佐藤"}
	givenNames  = []string{"伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "花子"}
	cities      = []string{"北京市朝阳区", "上海市", "Zürich", "東京都港区", "São Paulo", "Kraków", "Łódź"}
	streets     = []string{"建国路", "Long Street", "Rua Augusta", "中山北路", "Bahnhofstrasse"}
	words       = []string{"urgent", "请尽快发货", "handle with care", "gift wrap, please", "再確認", "ok"}
	states      = []string{"new", "paid", "shipped", "returned", "closed"}
)

// columns are the twelve columns of the data set.
func columns() []*rowferryv1.ColumnDefinition {
	column := func(name string, kind rowferryv1.DataType) *rowferryv1.ColumnDefinition {
		return &rowferryv1.ColumnDefinition{Name: name, DataType: kind}
	}
	return []*rowferryv1.ColumnDefinition{
		column("Order", rowferryv1.DataType_STRING),
		column("Customer 客户", rowferryv1.DataType_STRING),
		column("Address", rowferryv1.DataType_STRING),
		column("Remark", rowferryv1.DataType_STRING),
		column("Quantity", rowferryv1.DataType_NUMBER),
		column("Unit price", rowferryv1.DataType_NUMBER),
		column("Amount", rowferryv1.DataType_NUMBER),
		column("Balance", rowferryv1.DataType_NUMBER),
		column("Ordered on", rowferryv1.DataType_DATE),
		column("Updated at", rowferryv1.DataType_DATE),
		column("Paid", rowferryv1.DataType_BOOLEAN),
		column("Status", rowferryv1.DataType_STRING),
	}
}

// record gives row number, counted from 1.
func record(number int64) *rowferryv1.Record {
	mixed := number * 2654435761 % (1 << 32)
	high := mixed >> 16
	quantity := mixed % 1000
	cents := mixed % 99_991
	thousandths := mixed % 10_000_019
	amount := quantity * cents
	sign := ""
	if number%2 == 1 {
		sign = "-"
	}
	day := text(2000+high%30) + "-" + padded(1+high%12, 2) + "-" + padded(1+high%28, 2)
	clock := padded(1+high%23, 2) + ":" + padded(mixed%60, 2) + ":" + padded(high%60, 2)
	paid := "false"
	if mixed%3 != 0 {
		paid = "true"
	}
	remark, nulls := remarkOf(number, mixed, high)
	return &rowferryv1.Record{
		Values: []string{
			"SO-" + padded(number, 10),
			familyNames[high%10] + givenNames[mixed%10] + " Customer-" + text(mixed%100_000),
			cities[high%7] + ", " + streets[mixed%5] + " " + text(high%997) + " 号, " +
				text(mixed%90_000+10_000),
			remark,
			text(quantity),
			text(cents/100) + "." + padded(cents%100, 2),
			text(amount/100) + "." + padded(amount%100, 2),
			sign + text(thousandths/1000+1) + "." + padded(thousandths%1000, 3),
			day,
			day + " " + clock,
			paid,
			states[high%5],
		},
		NullBitmap: nulls,
	}
}

// remarkOf gives the one column that can be null, and the row's null bitmap.
func remarkOf(number, mixed, high int64) (string, []byte) {
	if number%nullRemarkEvery == 0 {
		return "", []byte{1 << remarkColumn}
	}
	breakOrBlank := " "
	if number%lineBreakEvery == 0 {
		breakOrBlank = "\n"
	}
	return `Said "` + words[high%6] + `",` + breakOrBlank + "ticket " + text(mixed), nil
}

func text(value int64) string {
	return strconv.FormatInt(value, 10)
}

func padded(value int64, digits int) string {
	plain := text(value)
	for len(plain) < digits {
		plain = "0" + plain
	}
	return plain
}
