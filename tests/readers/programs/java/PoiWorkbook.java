import java.io.IOException;
import java.nio.file.Path;
import org.apache.poi.openxml4j.opc.OPCPackage;
import org.apache.poi.openxml4j.opc.PackageAccess;
import org.apache.poi.ss.usermodel.Cell;
import org.apache.poi.ss.usermodel.DateUtil;
import org.apache.poi.ss.usermodel.Row;
import org.apache.poi.ss.usermodel.Sheet;
import org.apache.poi.ss.usermodel.Workbook;
import org.apache.poi.xssf.usermodel.XSSFWorkbook;

/** Prints the cells of XLSX files as Apache POI's user model reads them. */
final class PoiWorkbook {
    public static void main(String[] arguments) throws IOException {
        CellLines.printFiles(arguments, PoiWorkbook::printFile);
    }

    private static void printFile(CellLines lines, Path path) throws Exception {
        try (OPCPackage opened = OPCPackage.open(path.toFile(), PackageAccess.READ);
                Workbook workbook = new XSSFWorkbook(opened)) {
            for (Sheet sheet : workbook) {
                lines.sheet(sheet.getSheetName());
                for (Row row : sheet) {
                    for (Cell cell : row) {
                        printCell(lines, cell);
                    }
                }
            }
        }
    }

    private static void printCell(CellLines lines, Cell cell) throws IOException {
        int row = cell.getRowIndex() + 1;
        int column = cell.getColumnIndex() + 1;
        switch (cell.getCellType()) {
            case BLANK -> {}
            case STRING -> lines.text(row, column, cell.getStringCellValue());
            case BOOLEAN -> lines.bool(row, column, cell.getBooleanCellValue());
            case NUMERIC -> {
                if (DateUtil.isCellDateFormatted(cell)) {
                    lines.date(row, column, cell.getLocalDateTimeCellValue());
                } else {
                    lines.number(row, column, cell.getNumericCellValue());
                }
            }
            default -> throw new IOException("a cell of type " + cell.getCellType());
        }
    }
}
