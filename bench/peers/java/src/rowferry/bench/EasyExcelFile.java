package rowferry.bench;

import com.alibaba.excel.EasyExcel;
import com.alibaba.excel.ExcelWriter;
import com.alibaba.excel.write.metadata.WriteSheet;
import java.nio.file.Path;
import java.util.List;

/** EasyExcel, which writes through SXSSF; it styles dates itself. */
final class EasyExcelFile implements RowWriter {
    private final Path output;
    private final ExcelWriter writer;
    private final WriteSheet sheet = EasyExcel.writerSheet("Sheet1").build();

    EasyExcelFile(Path output, List<Column> columns) {
        this.output = output;
        List<List<String>> header =
                columns.stream().map(column -> List.of(column.name())).toList();
        writer = EasyExcel.write(output.toFile()).head(header).build();
    }

    @Override
    public int write(List<List<Object>> rows) {
        writer.write(rows, sheet);
        return rows.size();
    }

    @Override
    public Path finish() {
        writer.finish();
        return output;
    }
}
