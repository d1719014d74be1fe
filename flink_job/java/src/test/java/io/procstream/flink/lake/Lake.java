package io.procstream.flink.lake;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.parquet.example.data.Group;

/** A lake on disk as a reader finds it: visible files, and what the commit log says of them. */
record Lake(Path output, Path log) {

    /** One line of the log. */
    record Entry(long checkpointId, long recordCount, long size, String offsetRanges) {}

    static Lake in(Path folder) {
        return new Lake(folder.resolve("output"), folder.resolve("log"));
    }

    String options() {
        return String.format(
                "'connector'='lake', 'format'='parquet', 'path'='%s', 'commit-log.path'='%s'", output, log);
    }

    /** Files a reader sees: not those whose names begin with a dot. */
    List<Path> files() throws IOException {
        return list(output).stream()
                .filter(file -> !file.getFileName().toString().startsWith("."))
                .toList();
    }

    List<Path> logFiles() throws IOException {
        return list(log).stream()
                .filter(file -> file.toString().endsWith(".csv"))
                .toList();
    }

    private static List<Path> list(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> found = Files.walk(folder)) {
            return found.filter(Files::isRegularFile).sorted().toList();
        }
    }

    /** By file; fails if a file has two entries that differ, or an entry is not in its own folder. */
    Map<Path, Entry> entries() throws IOException {
        Map<Path, Entry> entries = new HashMap<>();
        for (Path csv : logFiles()) {
            assertThat(csv.getFileName().toString()).matches("subtask-\\d+-[0-9a-f]{8}\\.csv");
            List<String> lines = Files.readAllLines(csv);
            assertThat(lines.get(0)).isEqualTo(CommitLog.HEADER);
            for (String line : lines.subList(1, lines.size())) {
                String[] columns = line.split(",", 6);
                Entry entry = new Entry(
                        Long.parseLong(columns[0]),
                        Long.parseLong(columns[3]),
                        Long.parseLong(columns[4]),
                        columns[5].replace("\"", ""));
                assertThat(csv.getParent()).hasFileName("chk-" + entry.checkpointId());
                assertThat(entries.put(Path.of(columns[1]), entry)).isIn(null, entry);
            }
        }
        return entries;
    }

    /** All rows' values of a column, sorted. */
    List<Long> longs(String column) throws IOException {
        List<Long> values = new ArrayList<>();
        for (Path file : files()) {
            values.addAll(ParquetFiles.longs(file, column));
        }
        values.sort(null);
        return values;
    }

    /** Each visible file is in the log, which tells its checkpoint id, rows, size and offsets. */
    void assertLogTellsWhatFilesHold() throws IOException {
        Map<Path, Entry> entries = entries();
        for (Path file : files()) {
            List<Group> rows = ParquetFiles.rows(file);
            Entry entry = entries.get(file);
            assertThat(entry).as("log entry of %s", file).isNotNull();
            assertThat(rows).allSatisfy(row -> assertThat(row.getLong("checkpoint_id", 0))
                    .as("checkpoint_id in %s", file)
                    .isEqualTo(entry.checkpointId()));
            assertThat(entry.recordCount()).isEqualTo(rows.size());
            assertThat(entry.size()).isEqualTo(Files.size(file));
            assertThat(entry.offsetRanges()).isEqualTo(ranges(rows));
        }
    }

    private static String ranges(List<Group> rows) {
        if (rows.isEmpty() || !rows.get(0).getType().containsField("kafka_offset")) {
            return "";
        }
        OffsetsInOrder offsets = new OffsetsInOrder();
        rows.forEach(row -> offsets.add(
                row.getString("kafka_topic", 0) + "/" + row.getInteger("kafka_partition", 0),
                row.getLong("kafka_offset", 0)));
        return offsets.render();
    }

    /** The plainest way to the text that {@link OffsetRuns} should give. */
    private static final class OffsetsInOrder {
        private final Map<String, TreeSet<Long>> offsets = new TreeMap<>();

        void add(String partition, long offset) {
            offsets.computeIfAbsent(partition, created -> new TreeSet<>()).add(offset);
        }

        String render() {
            List<String> partitions = new ArrayList<>();
            offsets.forEach((partition, sorted) -> {
                List<String> runs = new ArrayList<>();
                for (long offset : sorted) {
                    if (!sorted.contains(offset - 1)) {
                        long last = offset;
                        while (sorted.contains(last + 1)) {
                            last++;
                        }
                        runs.add(offset + "-" + last);
                    }
                }
                partitions.add(partition + ":" + String.join(",", runs));
            });
            return String.join(";", partitions);
        }
    }
}
