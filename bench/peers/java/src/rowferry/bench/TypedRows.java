package rowferry.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows of a RecordBatch as Java values; the walk is written by hand, which no protobuf library
 * keeps up with.
 */
final class TypedRows {
    private static final int DAY_CHARACTERS = 10;

    static List<List<Object>> decode(byte[] message, List<Column> columns) {
        List<List<Object>> rows = new ArrayList<>();
        ByteBuffer fields = ByteBuffer.wrap(message);
        while (fields.hasRemaining()) {
            long tag = varint(fields);
            long value = varint(fields);
            if (tag == (1 << 3 | 2)) {
                int end = fields.position() + (int) value;
                rows.add(row(message, fields, end, columns));
            } else if ((tag & 7) == 2) {
                fields.position(fields.position() + (int) value);
            }
        }
        return rows;
    }

    private static List<Object> row(
            byte[] message, ByteBuffer fields, int end, List<Column> columns) {
        List<Object> row = new ArrayList<>(columns.size());
        while (fields.position() < end) {
            long tag = varint(fields);
            int size = (int) varint(fields);
            int start = fields.position();
            if (tag == (1 << 3 | 2)) {
                row.add(typed(columns.get(row.size()).dataType(), message, start, size));
            } else {
                blank(row, message, start, size);
            }
            fields.position(start + size);
        }
        return row;
    }

    /** An empty text may be null: the bitmap, which comes last, says it. */
    private static Object typed(String dataType, byte[] message, int start, int size) {
        String text = new String(message, start, size, StandardCharsets.UTF_8);
        if (text.isEmpty()) {
            return text;
        }
        return switch (dataType) {
            case "NUMBER" -> Double.valueOf(text);
            case "BOOLEAN" -> text.equals("true");
            case "DATE" -> moment(text);
            default -> text;
        };
    }

    private static Object moment(String text) {
        if (text.length() > DAY_CHARACTERS) {
            return LocalDateTime.parse(text.replace(' ', 'T'));
        }
        return LocalDate.parse(text);
    }

    private static void blank(List<Object> row, byte[] message, int bitmap, int size) {
        for (int column = 0; column < Math.min(row.size(), size * 8); column++) {
            if ((message[bitmap + column / 8] >> (column % 8) & 1) == 1) {
                row.set(column, null);
            }
        }
    }

    private static long varint(ByteBuffer fields) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = fields.get();
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    private TypedRows() {}
}
