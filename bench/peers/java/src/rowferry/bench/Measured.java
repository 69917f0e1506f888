package rowferry.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** What a run cost, in three parts. */
final class Measured {
    private static final double NANOSECONDS = 1e9;
    private static final OperatingSystemMXBean SYSTEM =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    long rows;

    /** Messages become what the writer takes. */
    final Stopwatch decode = new Stopwatch();

    /** The writer takes it. */
    final Stopwatch write = new Stopwatch();

    /** From the last row handed over until the file is complete. */
    final Stopwatch finish = new Stopwatch();

    interface Work<T> {
        T run() throws IOException;
    }

    /** Sums wall time and the processor time of all threads, the JVM's own among them. */
    static final class Stopwatch {
        private long wall;
        private long processor;

        <T> T run(Work<T> work) throws IOException {
            long wallStart = System.nanoTime();
            long processorStart = SYSTEM.getProcessCpuTime();
            T done = work.run();
            processor += SYSTEM.getProcessCpuTime() - processorStart;
            wall += System.nanoTime() - wallStart;
            return done;
        }
    }

    String report(Path output) throws IOException {
        String json =
                """
                {"rows": %d, "file_bytes": %d, "peak_rss_bytes": %d, "seconds": %f, \
                "cpu_seconds": %f, "decode_seconds": %f, "decode_cpu_seconds": %f, \
                "after_last_row_seconds": %f}""";
        return String.format(
                Locale.ROOT,
                json,
                rows,
                Files.size(output),
                peakRssBytes(),
                (decode.wall + write.wall + finish.wall) / NANOSECONDS,
                (decode.processor + write.processor + finish.processor) / NANOSECONDS,
                decode.wall / NANOSECONDS,
                decode.processor / NANOSECONDS,
                finish.wall / NANOSECONDS);
    }

    /** The largest resident memory since the process began: VmHWM of proc(5). */
    private static long peakRssBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("no VmHWM");
    }
}
