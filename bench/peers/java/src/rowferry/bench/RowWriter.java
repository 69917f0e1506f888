package rowferry.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Makes one XLSX file. Cells are String, Double, LocalDate, LocalDateTime, Boolean or null. */
interface RowWriter {
    /** Gives how many rows were written. */
    int write(List<List<Object>> rows) throws IOException;

    /** Completes the file; gives its path. */
    Path finish() throws IOException;
}
