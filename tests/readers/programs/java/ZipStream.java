import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Prints name and size of each entry of ZIP files, read from the front as downloads are. */
final class ZipStream {
    public static void main(String[] arguments) throws IOException {
        CellLines.printFiles(arguments, ZipStream::printFile);
    }

    private static void printFile(CellLines lines, Path path) throws IOException {
        try (InputStream file = Files.newInputStream(path);
                ZipInputStream zip = new ZipInputStream(file)) {
            for (ZipEntry entry; (entry = zip.getNextEntry()) != null; ) {
                long bytes = zip.transferTo(java.io.OutputStream.nullOutputStream());
                lines.line(CellLines.quoted(entry.getName()), Long.toString(bytes));
            }
        }
    }
}
