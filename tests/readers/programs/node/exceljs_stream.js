// Prints the cells of XLSX files as exceljs reads them row by row.
import ExcelJS from "exceljs";

import { printFiles, printValue } from "./lines.js";

const OPTIONS = {
  entries: "emit",
  sharedStrings: "cache",
  styles: "cache",
  hyperlinks: "ignore",
  worksheets: "emit",
};

await printFiles(async (lines, path) => {
  for await (const sheet of new ExcelJS.stream.xlsx.WorkbookReader(path, OPTIONS)) {
    lines.print(sheet.name);
    for await (const row of sheet) {
      row.eachCell((cell, column) => printValue(lines, row.number, column, cell.value));
    }
  }
});
