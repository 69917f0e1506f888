import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;

/** One JSON array a line for each cell, the same for every reader. */
final class CellLines implements AutoCloseable {
    private static final DateTimeFormatter MILLIS =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS");

    interface Printer {
        void print(CellLines lines, Path path) throws Exception;
    }

    private final BufferedWriter out;

    private CellLines(Path path) throws IOException {
        out = Files.newBufferedWriter(path, StandardCharsets.UTF_8);
    }

    /** Runs {@code printer} for the files named after the folder. */
    static void printFiles(String[] arguments, Printer printer) throws IOException {
        for (int index = 1; index < arguments.length; index++) {
            Path path = Path.of(arguments[index]);
            String stem = path.getFileName().toString().replaceFirst("\\.[a-z]+$", "");
            try (CellLines lines = new CellLines(Path.of(arguments[0], stem + ".jsonl"))) {
                try {
                    printer.print(lines, path);
                } catch (Exception error) {
                    lines.line(quoted("error"), quoted(error.toString()));
                }
            }
        }
    }

    void sheet(String name) throws IOException {
        line(quoted(name));
    }

    void text(int row, int column, String value) throws IOException {
        cell(row, column, "text", quoted(value));
    }

    void number(int row, int column, double value) throws IOException {
        cell(row, column, "number", Double.toString(value));
    }

    void bool(int row, int column, boolean value) throws IOException {
        cell(row, column, "boolean", Boolean.toString(value));
    }

    void date(int row, int column, LocalDateTime value) throws IOException {
        cell(row, column, "date", quoted(MILLIS.format(value.plusNanos(500_000))));
    }

    /** Any values that are JSON already. */
    void line(String... values) throws IOException {
        out.write("[" + String.join(",", values) + "]\n");
    }

    private void cell(int row, int column, String kind, String value) throws IOException {
        line(Integer.toString(row), Integer.toString(column), quoted(kind), value);
    }

    static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char unit : text.toCharArray()) {
            if (unit < 0x20 || unit == '"' || unit == '\\' || unit > 0x7e) {
                json.append(String.format("\\u%04x", (int) unit));
            } else {
                json.append(unit);
            }
        }
        return json.append('"').toString();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
