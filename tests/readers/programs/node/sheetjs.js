// Prints the cells of XLSX files as SheetJS reads them. Start it with TZ=UTC: its dates are local.
import XLSX from "xlsx";

import { printFiles, printValue } from "./lines.js";

await printFiles((lines, path) => {
  const workbook = XLSX.readFile(path, { cellDates: true });
  for (const name of workbook.SheetNames) {
    lines.print(name);
    printSheet(lines, workbook.Sheets[name]);
  }
});

function printSheet(lines, sheet) {
  for (const [reference, cell] of Object.entries(sheet)) {
    if (reference.startsWith("!")) continue;
    const { r, c } = XLSX.utils.decode_cell(reference);
    printValue(lines, r + 1, c + 1, cell.v);
  }
}
