// Prints the cells of XLSX files as read-excel-file reads them.
import readExcelFile from "read-excel-file/node";

import { printFiles, printValue } from "./lines.js";

await printFiles(async (lines, path) => {
  for (const { sheet, data } of await readExcelFile(path, { trim: false })) {
    lines.print(sheet);
    data.forEach((row, index) => {
      row.forEach((value, column) => printValue(lines, index + 1, column + 1, value));
    });
  }
});
