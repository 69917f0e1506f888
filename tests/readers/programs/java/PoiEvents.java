import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.apache.poi.openxml4j.opc.OPCPackage;
import org.apache.poi.openxml4j.opc.PackageAccess;
import org.apache.poi.ss.usermodel.DataFormatter;
import org.apache.poi.ss.usermodel.DateUtil;
import org.apache.poi.ss.util.CellReference;
import org.apache.poi.util.XMLHelper;
import org.apache.poi.xssf.eventusermodel.ReadOnlySharedStringsTable;
import org.apache.poi.xssf.eventusermodel.XSSFReader;
import org.apache.poi.xssf.eventusermodel.XSSFSheetXMLHandler;
import org.apache.poi.xssf.usermodel.XSSFComment;
import org.xml.sax.InputSource;
import org.xml.sax.XMLReader;

/** Prints the cells of XLSX files as Apache POI's event reader hands them out, row by row. */
final class PoiEvents {
    /** Tells a number from a text: the reader itself gives texts only. */
    private static final String NUMBER_MARK = "\u0000number ";

    private static final String DATE_MARK = "\u0000date ";

    public static void main(String[] arguments) throws IOException {
        CellLines.printFiles(arguments, PoiEvents::printFile);
    }

    private static void printFile(CellLines lines, Path path) throws Exception {
        try (OPCPackage opened = OPCPackage.open(path.toFile(), PackageAccess.READ)) {
            XSSFReader reader = new XSSFReader(opened);
            ReadOnlySharedStringsTable strings = new ReadOnlySharedStringsTable(opened);
            var sheets = (XSSFReader.SheetIterator) reader.getSheetsData();
            while (sheets.hasNext()) {
                try (InputStream sheet = sheets.next()) {
                    lines.sheet(sheets.getSheetName());
                    var cells = new CellPrinter(lines);
                    XMLReader parser = XMLHelper.newXMLReader();
                    parser.setContentHandler(
                            new XSSFSheetXMLHandler(
                                    reader.getStylesTable(), strings, cells, new Marking(), false));
                    parser.parse(new InputSource(sheet));
                }
            }
        }
    }

    /** Leaves values unformatted. */
    private static final class Marking extends DataFormatter {
        @Override
        public String formatRawCellContents(double value, int formatIndex, String format) {
            boolean isDate = DateUtil.isADateFormat(formatIndex, format);
            return (isDate ? DATE_MARK : NUMBER_MARK) + value;
        }
    }

    private static final class CellPrinter implements XSSFSheetXMLHandler.SheetContentsHandler {
        private final CellLines lines;

        CellPrinter(CellLines lines) {
            this.lines = lines;
        }

        @Override
        public void startRow(int row) {}

        @Override
        public void endRow(int row) {}

        @Override
        public void cell(String name, String value, XSSFComment comment) {
            var place = new CellReference(name);
            try {
                print(place.getRow() + 1, place.getCol() + 1, value);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        private void print(int row, int column, String value) throws IOException {
            if (value.startsWith(NUMBER_MARK)) {
                double number = Double.parseDouble(value.substring(NUMBER_MARK.length()));
                lines.number(row, column, number);
            } else if (value.startsWith(DATE_MARK)) {
                double serial = Double.parseDouble(value.substring(DATE_MARK.length()));
                lines.date(row, column, DateUtil.getLocalDateTime(serial));
            } else {
                lines.text(row, column, value);
            }
        }
    }
}
