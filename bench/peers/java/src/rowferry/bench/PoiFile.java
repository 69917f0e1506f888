package rowferry.bench;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import org.apache.poi.ss.usermodel.Cell;
import org.apache.poi.ss.usermodel.CellStyle;
import org.apache.poi.ss.usermodel.Row;
import org.apache.poi.xssf.streaming.SXSSFSheet;
import org.apache.poi.xssf.streaming.SXSSFWorkbook;

/** Apache POI's SXSSF with its default window of 100 rows. */
final class PoiFile implements RowWriter {
    private final Path output;
    private final SXSSFWorkbook book = new SXSSFWorkbook();
    private final SXSSFSheet sheet = book.createSheet();
    private final CellStyle day = style("yyyy-mm-dd");
    private final CellStyle moment = style("yyyy-mm-dd hh:mm:ss");
    private int nextRow;

    PoiFile(Path output, List<Column> columns) {
        this.output = output;
        List<Object> header = new ArrayList<>();
        columns.forEach(column -> header.add(column.name()));
        write(List.of(header));
    }

    private CellStyle style(String format) {
        CellStyle style = book.createCellStyle();
        style.setDataFormat(book.createDataFormat().getFormat(format));
        return style;
    }

    @Override
    public int write(List<List<Object>> rows) {
        for (List<Object> values : rows) {
            Row row = sheet.createRow(nextRow++);
            for (int column = 0; column < values.size(); column++) {
                if (values.get(column) != null) {
                    set(row.createCell(column), values.get(column));
                }
            }
        }
        return rows.size();
    }

    private void set(Cell cell, Object value) {
        if (value instanceof String text) {
            cell.setCellValue(text);
        } else if (value instanceof Double number) {
            cell.setCellValue(number);
        } else if (value instanceof Boolean truth) {
            cell.setCellValue(truth);
        } else if (value instanceof LocalDateTime at) {
            cell.setCellValue(at);
            cell.setCellStyle(moment);
        } else if (value instanceof LocalDate at) {
            cell.setCellValue(at);
            cell.setCellStyle(day);
        }
    }

    @Override
    public Path finish() throws IOException {
        try (OutputStream file = Files.newOutputStream(output)) {
            book.write(file);
        }
        book.close();
        return output;
    }
}
