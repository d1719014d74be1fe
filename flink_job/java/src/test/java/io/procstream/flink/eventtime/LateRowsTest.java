package io.procstream.flink.eventtime;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.apache.flink.table.api.Expressions.$;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Late rows inside real jobs, on Flink's mini cluster, that fail and go on: each row is counted or late. */
class LateRowsTest {
    /** Of each of two source subtasks, which go through the same time side by side. */
    private static final int ROWS = 4_000;

    private static final String WINDOWS = "SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE %s,"
            + " DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end";

    @TempDir
    Path folder;

    private int sourceParallelism = 2;
    private int rowsPerCheckpoint = 400; // of all source subtasks: as far as the machine is slow, so is the source
    private final Map<String, String> config = new HashMap<>(Map.of(
            "execution.checkpointing.interval", "100 ms",
            "restart-strategy.type", "fixed-delay",
            "restart-strategy.fixed-delay.attempts", "20",
            "restart-strategy.fixed-delay.delay", "50 ms",
            "pipeline.object-reuse", "true",
            "metrics.reporter.test.factory.class", Counters.class.getName(),
            "pipeline.auto-watermark-interval", "20 ms",
            "parallelism.default", "2",
            "table.exec.source.idle-timeout", "60 ms",
            "table.local-time-zone", "UTC"));

    @BeforeEach
    void forgetFailuresAndCounts() {
        FailingSnapshots.DONE.clear();
        Counters.clear();
    }

    /** Fails the job once for each of some checkpoints: in its snapshot, or that of the next one that gets so far. */
    private record FailingSnapshots(Set<Long> checkpoints) implements MapFunction<Long, Long>, CheckpointedFunction {
        private static final Set<Long> DONE = ConcurrentHashMap.newKeySet();

        @Override
        public Long map(Long value) {
            return value;
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) {
            for (long checkpoint : checkpoints) {
                if (context.getCheckpointId() >= checkpoint && DONE.add(checkpoint)) {
                    throw new IllegalStateException("wanted failure at checkpoint " + context.getCheckpointId());
                }
            }
        }

        @Override
        public void initializeState(FunctionInitializationContext context) {}
    }

    /** Every fifth row is seconds late; the second subtask is silent for a while. */
    private static Row row(long id) {
        long place = id % ROWS;
        long millis = 1_767_225_600_000L + place * 5 - (id % 5 == 0 ? 3_000 : 0);
        return Row.of(id, Instant.ofEpochMilli(millis), id >= ROWS && place > 1_000 && place < 2_000);
    }

    private StreamTableEnvironment tables(Long... failAt) {
        Configuration configuration = Configuration.fromMap(config);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        GeneratorFunction<Long, Long> same = (GeneratorFunction<Long, Long> & Serializable) id -> id;
        DataStream<Row> rows = env.fromSource(
                        new DataGeneratorSource<>(
                                same, 2 * ROWS, RateLimiterStrategy.perCheckpoint(rowsPerCheckpoint), Types.LONG),
                        WatermarkStrategy.noWatermarks(),
                        "ids")
                .setParallelism(sourceParallelism)
                .map(new FailingSnapshots(Set.of(failAt)))
                .returns(Types.LONG)
                .setParallelism(sourceParallelism)
                .map(LateRowsTest::row)
                .returns(Types.ROW_NAMED(new String[] {"id", "at", "silent"}, Types.LONG, Types.INSTANT, Types.BOOLEAN))
                .setParallelism(sourceParallelism)
                .filter(row -> !(boolean) row.getField(2))
                .setParallelism(sourceParallelism);
        StreamTableEnvironment tables = StreamTableEnvironment.create(env);
        tables.createTemporaryView(
                "readings",
                rows,
                Schema.newBuilder()
                        .column("id", "BIGINT")
                        .columnByExpression("ts", "CAST(`at` AS TIMESTAMP_LTZ(3))")
                        .column("at", "TIMESTAMP_LTZ(9)")
                        .column("silent", "BOOLEAN")
                        .watermark("ts", "ts - INTERVAL '0.2' SECOND")
                        .build());
        return tables;
    }

    private void sink(StreamTableEnvironment tables, String name, String columns) {
        tables.executeSql("CREATE TABLE " + name + " (" + columns + ") WITH ('connector'='filesystem', 'format'='json',"
                + " 'path'='" + folder.resolve(name).toUri() + "')");
    }

    /** Of a job with the windows of the rows on time, and the late rows. */
    private StatementSet split(StreamTableEnvironment tables) {
        LateRows.split(tables, "readings", "ts", "on_time", "late");
        sink(tables, "counts", "s TIMESTAMP(3), n BIGINT");
        sink(tables, "behind", "id BIGINT, ts TIMESTAMP_LTZ(3)");
        return tables.createStatementSet()
                .addInsertSql("INSERT INTO counts " + String.format(WINDOWS, "on_time"))
                .addInsertSql("INSERT INTO behind SELECT id, ts FROM late");
    }

    /** Numbers of one column in the committed files of a sink. */
    private List<Long> numbers(String sink, String column) throws IOException {
        Pattern number = Pattern.compile("\"" + column + "\":(\\d+)");
        try (Stream<Path> files = Files.list(folder.resolve(sink))) {
            return files.filter(file -> !file.getFileName().toString().startsWith("."))
                    .flatMap(file -> {
                        try {
                            return number.matcher(Files.readString(file)).results().toList().stream();
                        } catch (IOException e) {
                            throw new IllegalStateException(e);
                        }
                    })
                    .map((MatchResult match) -> Long.parseLong(match.group(1)))
                    .sorted()
                    .toList();
        }
    }

    private long sum(String sink, String column) throws IOException {
        return numbers(sink, column).stream().mapToLong(Long::longValue).sum();
    }

    private long input() {
        return LongStream.range(0, 2 * ROWS)
                .filter(id -> !(boolean) row(id).getField(2))
                .count();
    }

    private static void finish(JobClient job) throws Exception {
        job.getJobExecutionResult().get(2, MINUTES);
    }

    private static JobClient start(StatementSet statements) {
        return statements.execute().getJobClient().orElseThrow();
    }

    private void assertNothingIsLost() throws IOException {
        List<Long> late = numbers("behind", "id");
        assertThat(late).doesNotHaveDuplicates().hasSizeGreaterThan(1_000);
        assertThat(sum("counts", "n") + late.size()).isEqualTo(input());
        assertThat(Counters.sum("numLateRecordsDropped")).isZero();
    }

    private void awaitLateRows(long count) throws Exception {
        long deadline = System.nanoTime() + MINUTES.toNanos(1);
        while (Counters.sum("numLateRows") < count) {
            assertThat(System.nanoTime()).as("time to the late rows").isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    @Test
    void withoutItWindowsDropRowsSilently() throws Exception {
        StreamTableEnvironment tables = tables(4L, 9L);
        sink(tables, "counts", "s TIMESTAMP(3), n BIGINT");
        finish(start(
                tables.createStatementSet().addInsertSql("INSERT INTO counts " + String.format(WINDOWS, "readings"))));
        assertThat(sum("counts", "n")).isLessThan(input());
        assertThat(Counters.sum("numLateRecordsDropped")).isPositive();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void eachRowIsCountedOrLateAlsoAfterFailures(int parallelism) throws Exception {
        config.put("parallelism.default", Integer.toString(parallelism));
        finish(start(split(tables(4L, 9L))));

        assertThat(FailingSnapshots.DONE).containsExactlyInAnyOrder(4L, 9L);
        assertNothingIsLost();
        assertThat(Counters.sum("numLateRows"))
                .isGreaterThanOrEqualTo(numbers("behind", "id").size());
    }

    @ParameterizedTest
    @CsvSource({"2, 2", "2, 3", "3, 2"})
    void aJobGoesOnFromASavepointWithAnotherParallelism(int before, int after) throws Exception {
        rowsPerCheckpoint = 100;
        setParallelism(before);
        JobClient job = start(split(tables()));
        awaitLateRows(300);
        String savepoint = job.stopWithSavepoint(
                        false, folder.resolve("savepoints").toString(), SavepointFormatType.CANONICAL)
                .get(1, MINUTES);
        Counters.clear();

        rowsPerCheckpoint = 400;
        setParallelism(after);
        config.put("execution.state-recovery.path", savepoint);
        finish(start(split(tables(4L))));
        assertNothingIsLost();
        assertThat(Counters.sum("numLateRows")).isPositive();
    }

    /** Of source and all: operators that are chained differently would have other ids. */
    private void setParallelism(int parallelism) {
        sourceParallelism = parallelism;
        config.put("parallelism.default", Integer.toString(parallelism));
    }

    @Test
    void otherInsertsOfTheSameAndOtherTablesAreInTheSameJob() throws Exception {
        StreamTableEnvironment tables = tables(4L);
        StatementSet statements = split(tables);
        sink(tables, "everything", "id BIGINT");
        sink(tables, "ordered", "id BIGINT");
        sink(tables, "generated", "id BIGINT");
        tables.executeSql("CREATE TABLE numbers (id BIGINT) WITH ('connector'='datagen', 'number-of-rows'='50',"
                + " 'fields.id.kind'='sequence', 'fields.id.start'='1', 'fields.id.end'='50')");
        finish(start(statements
                .addInsertSql("INSERT INTO everything SELECT id FROM readings")
                .addInsertSql("INSERT INTO ordered SELECT id FROM (SELECT id, COUNT(*) OVER (PARTITION BY silent"
                        + " ORDER BY ts) AS n FROM on_time) WHERE n > 0")
                .addInsertSql("INSERT INTO generated SELECT id FROM numbers")));
        assertNothingIsLost();
        assertThat(numbers("everything", "id")).hasSize((int) input()).doesNotHaveDuplicates();
        assertThat(numbers("ordered", "id")).hasSize((int) sum("counts", "n"));
        assertThat(numbers("generated", "id")).hasSize(50);
    }

    @Test
    void rowsOfASubtaskStayInTheirOrder() throws Exception {
        StreamTableEnvironment tables = tables();
        LateRows.split(tables, "readings", "ts", "on_time", "late");
        Map<Boolean, Long> last = new HashMap<>();
        try (CloseableIterator<Row> rows =
                tables.from("on_time").select($("id")).execute().collect()) {
            while (rows.hasNext()) {
                long id = rows.next().getFieldAs(0);
                assertThat(last.merge(id < ROWS, id, (before, now) -> before < now ? now : -1))
                        .isEqualTo(id);
            }
        }
        assertThat(last).hasSize(2);
    }

    @Test
    void theViewsHaveTheColumnsOfTheTableInItsOrder() {
        StreamTableEnvironment tables = tables();
        LateRows.split(tables, "readings", "ts", "`on`.`time`", "late");
        List<String> names = tables.from("readings").getResolvedSchema().getColumnNames();
        ResolvedSchema onTime = tables.from("`on`.`time`").getResolvedSchema();
        ResolvedSchema late = tables.from("late").getResolvedSchema();
        assertThat(onTime.getColumnNames()).isEqualTo(names).isEqualTo(late.getColumnNames());
        assertThat(onTime.toString()).contains("`ts` TIMESTAMP_LTZ(3) *ROWTIME*");
        assertThat(late.toString()).contains("`ts` TIMESTAMP_LTZ(3)").doesNotContain("ROWTIME");
    }

    @Test
    void aTimestampWithoutZoneWillDoAndARowWithoutATimeIsLate() throws Exception {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(Configuration.fromMap(config));
        StreamTableEnvironment tables = StreamTableEnvironment.create(env);
        DataStream<Row> rows = env.fromData(
                Types.ROW_NAMED(new String[] {"id", "ts"}, Types.LONG, Types.LOCAL_DATE_TIME),
                Row.of(1L, LocalDateTime.parse("2026-01-01T00:00:00")),
                Row.of(2L, null),
                Row.of(3L, LocalDateTime.parse("2026-01-01T00:00:01")));
        tables.createTemporaryView(
                "readings",
                rows,
                Schema.newBuilder()
                        .column("id", "BIGINT")
                        .column("ts", "TIMESTAMP(3)")
                        .watermark("ts", "SOURCE_WATERMARK()")
                        .build());
        LateRows.split(tables, "readings", "ts", "on_time", "late");
        assertThat(ids(tables.sqlQuery("SELECT n FROM (" + String.format(WINDOWS, "on_time") + ")")))
                .containsExactly(1L, 1L);
        assertThat(ids(tables.sqlQuery("SELECT id FROM late WHERE ts IS NULL"))).containsExactly(2L);
    }

    private static List<Long> ids(Table table) {
        List<Long> ids = new ArrayList<>();
        table.execute().collect().forEachRemaining(row -> ids.add(row.getFieldAs(0)));
        return ids;
    }

    @Test
    void aColumnThatIsNoTimeAttributeIsRefused() {
        StreamTableEnvironment tables = tables();
        assertThatThrownBy(() -> LateRows.split(tables, "readings", "at", "on_time", "late"))
                .isInstanceOf(ValidationException.class)
                .hasMessage("Column 'at' of table readings is TIMESTAMP_LTZ(9), expected a time attribute:"
                        + " declare a WATERMARK for it.");
        assertThatThrownBy(() -> LateRows.split(tables, "readings", "tz", "on_time", "late"))
                .isInstanceOf(ValidationException.class)
                .hasMessage("Table readings has no column 'tz', expected one of: id, ts, at, silent.");
    }
}
