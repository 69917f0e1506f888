package rowferry.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Writes the rows of a batch file with one of Java's writers and prints what it cost as JSON:
 * {@code WRITER BATCHES ROWS OUTPUT}.
 *
 * <p>Reading the file is not counted. Decoding its messages and writing the rows are, apart from
 * one another. All is done twice, and counted the second time: a server's JVM is warm.
 */
final class Main {
    private interface Opener {
        RowWriter open(Path output, List<Column> columns) throws IOException;
    }

    public static void main(String[] arguments) throws IOException {
        Opener opener = opener(arguments[0]);
        Path batches = Path.of(arguments[1]);
        long rows = Long.parseLong(arguments[2]);
        Path output = Path.of(arguments[3]);
        run(opener, batches, rows, output);
        System.out.println(run(opener, batches, rows, output).report(output));
    }

    private static Opener opener(String writer) {
        return switch (writer) {
            case "poi" -> PoiFile::new;
            case "easyexcel" -> EasyExcelFile::new;
            case "fastexcel" -> FastExcelFile::new;
            default -> throw new IllegalArgumentException(writer);
        };
    }

    private static Measured run(Opener opener, Path batches, long rows, Path output)
            throws IOException {
        Measured measured = new Measured();
        try (BatchFile file = new BatchFile(batches, rows)) {
            RowWriter writer =
                    measured.write.run(() -> opener.open(output, file.columns()));
            for (byte[] message = file.next(); message != null; message = file.next()) {
                byte[] taken = message;
                List<List<Object>> decoded =
                        measured.decode.run(() -> TypedRows.decode(taken, file.columns()));
                measured.write.run(() -> writer.write(decoded));
                measured.rows += decoded.size();
            }
            measured.finish.run(writer::finish);
        }
        return measured;
    }

    private Main() {}
}
