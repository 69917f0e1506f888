package rowferry.bench;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import org.dhatim.fastexcel.Workbook;
import org.dhatim.fastexcel.Worksheet;

/** dhatim's fastexcel, its rows flushed after each batch. */
final class FastExcelFile implements RowWriter {
    private static final int BUFFER_BYTES = 1 << 16;

    private final Path output;
    private final OutputStream file;
    private final Workbook book;
    private final Worksheet sheet;
    private int nextRow;

    FastExcelFile(Path output, List<Column> columns) throws IOException {
        this.output = output;
        file = new BufferedOutputStream(Files.newOutputStream(output), BUFFER_BYTES);
        book = new Workbook(file, "bench", null);
        sheet = book.newWorksheet("Sheet1");
        List<Object> header = new ArrayList<>();
        columns.forEach(column -> header.add(column.name()));
        write(List.of(header));
    }

    @Override
    public int write(List<List<Object>> rows) throws IOException {
        for (List<Object> values : rows) {
            for (int column = 0; column < values.size(); column++) {
                set(column, values.get(column));
            }
            nextRow++;
        }
        sheet.flush();
        return rows.size();
    }

    private void set(int column, Object value) {
        if (value instanceof String text) {
            sheet.value(nextRow, column, text);
        } else if (value instanceof Double number) {
            sheet.value(nextRow, column, number);
        } else if (value instanceof Boolean truth) {
            sheet.value(nextRow, column, truth);
        } else if (value instanceof LocalDateTime at) {
            sheet.value(nextRow, column, at);
            sheet.style(nextRow, column).format("yyyy-mm-dd hh:mm:ss").set();
        } else if (value instanceof LocalDate at) {
            sheet.value(nextRow, column, at);
            sheet.style(nextRow, column).format("yyyy-mm-dd").set();
        }
    }

    @Override
    public Path finish() throws IOException {
        book.finish();
        file.close();
        return output;
    }
}
