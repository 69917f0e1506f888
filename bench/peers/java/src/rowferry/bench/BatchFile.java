package rowferry.bench;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A file of encoded RecordBatch messages with records: see bench/frames.py. */
final class BatchFile implements AutoCloseable {
    private static final int BUFFER_BYTES = 1 << 20;

    private final List<Column> columns;
    private final DataInputStream file;
    private long rowsLeft;

    BatchFile(Path path, long rows) throws IOException {
        Path columnLines = path.resolveSibling(path.getFileName() + ".columns");
        columns = Files.readAllLines(columnLines).stream().map(BatchFile::column).toList();
        file = new DataInputStream(
                new BufferedInputStream(Files.newInputStream(path), BUFFER_BYTES));
        rowsLeft = rows;
    }

    private static Column column(String line) {
        String[] parts = line.split("\t");
        return new Column(parts[0], parts[1]);
    }

    List<Column> columns() {
        return columns;
    }

    /** Reads a frame (length and row count, then the message); null after the last one. */
    byte[] next() throws IOException {
        if (rowsLeft <= 0) {
            return null;
        }
        byte[] message = new byte[file.readInt()];
        rowsLeft -= file.readInt();
        file.readFully(message);
        return message;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
