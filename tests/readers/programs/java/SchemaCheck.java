import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.xmlbeans.SchemaTypeLoader;
import org.apache.xmlbeans.XmlBeans;
import org.apache.xmlbeans.XmlError;
import org.apache.xmlbeans.XmlException;
import org.apache.xmlbeans.XmlObject;
import org.apache.xmlbeans.XmlOptions;
import org.openxmlformats.schemas.spreadsheetml.x2006.main.WorksheetDocument;

/**
 * Prints each part's root type and what breaks the schemas of ECMA-376, transitional, as compiled
 * into poi-ooxml-full: {@code [part, type, error...]}; the type of an unknown root is empty.
 */
final class SchemaCheck {
    private static final SchemaTypeLoader SCHEMAS =
            XmlBeans.typeLoaderUnion(
                    XmlBeans.getBuiltinTypeSystem(), WorksheetDocument.type.getTypeSystem());

    public static void main(String[] arguments) throws IOException {
        CellLines.printFiles(arguments, SchemaCheck::printFile);
    }

    private static void printFile(CellLines lines, Path path) throws Exception {
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (ZipEntry part : Collections.list(zip.entries())) {
                try (InputStream xml = zip.getInputStream(part)) {
                    lines.line(judge(part.getName(), xml).toArray(String[]::new));
                }
            }
        }
    }

    private static List<String> judge(String part, InputStream xml)
            throws IOException, XmlException {
        XmlObject document = SCHEMAS.parse(xml, null, new XmlOptions());
        boolean isKnown = !document.schemaType().isNoType()
                && document.schemaType().getDocumentElementName() != null;
        var line = new ArrayList<String>();
        line.add(CellLines.quoted(part));
        line.add(CellLines.quoted(
                isKnown ? document.schemaType().getDocumentElementName().toString() : ""));
        if (isKnown) {
            var errors = new ArrayList<XmlError>();
            document.validate(new XmlOptions().setErrorListener(errors));
            errors.forEach(error -> line.add(CellLines.quoted(error.toString())));
        }
        return line;
    }
}
