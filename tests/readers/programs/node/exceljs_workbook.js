// Prints the cells of XLSX files as exceljs reads them whole.
import ExcelJS from "exceljs";

import { printFiles, printValue } from "./lines.js";

await printFiles(async (lines, path) => {
  const workbook = new ExcelJS.Workbook();
  await workbook.xlsx.readFile(path);
  for (const sheet of workbook.worksheets) {
    lines.print(sheet.name);
    sheet.eachRow((row, number) => {
      row.eachCell((cell, column) => printValue(lines, number, column, cell.value));
    });
  }
});
