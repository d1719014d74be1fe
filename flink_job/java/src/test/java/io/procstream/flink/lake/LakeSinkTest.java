package io.procstream.flink.lake;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.LongStream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
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
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The sink inside real jobs, on Flink's mini cluster: what is in files and log at the end. */
class LakeSinkTest {
    private static final int PARTITIONS = 4;
    private static final String COLUMNS = "id BIGINT NOT NULL, ts TIMESTAMP_LTZ(3),"
            + " kafka_topic STRING NOT NULL, kafka_partition INT NOT NULL, kafka_offset BIGINT NOT NULL";

    @TempDir
    Path folder;

    private Lake lake;

    @BeforeEach
    void forgetFailures() {
        lake = Lake.in(folder);
        FailingSnapshots.DONE.clear();
    }

    /** Fails the job in the snapshot of each of some checkpoints: their ids are used up. */
    private record FailingSnapshots(Set<Long> checkpoints) implements MapFunction<Long, Long>, CheckpointedFunction {
        private static final Set<Long> DONE = ConcurrentHashMap.newKeySet();

        @Override
        public Long map(Long value) {
            return value;
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) {
            if (checkpoints.contains(context.getCheckpointId()) && DONE.add(context.getCheckpointId())) {
                throw new IllegalStateException("wanted failure at checkpoint " + context.getCheckpointId());
            }
        }

        @Override
        public void initializeState(FunctionInitializationContext context) {}
    }

    private final Map<String, String> config = new HashMap<>(Map.of(
            "execution.checkpointing.interval", "200 ms",
            "restart-strategy.type", "fixed-delay",
            "restart-strategy.fixed-delay.attempts", "20",
            "restart-strategy.fixed-delay.delay", "50 ms",
            "pipeline.object-reuse", "true",
            "parallelism.default", "2",
            "table.local-time-zone", "UTC"));

    private StreamTableEnvironment environment(DataStream<Long> ids) {
        StreamTableEnvironment tables = StreamTableEnvironment.create(ids.getExecutionEnvironment());
        TypeInformation<Row> type = Types.ROW_NAMED(
                new String[] {"id", "millis", "kafka_partition", "kafka_offset"},
                Types.LONG,
                Types.LONG,
                Types.INT,
                Types.LONG);
        DataStream<Row> rows = ids.map(LakeSinkTest::row).returns(type);
        tables.createTemporaryView("ids", rows, Schema.newBuilder().build());
        return tables;
    }

    /** Offsets go up in each partition; the hour changes with every third record. */
    private static Row row(long id) {
        long millis = 1_767_225_600_000L + id / 3 % 2 * 3_600_000;
        return Row.of(id, millis, (int) (id % PARTITIONS), id / PARTITIONS);
    }

    /** Not nullable, as Kafka's metadata columns are. */
    private static final String INSERT =
            "INSERT INTO lake SELECT COALESCE(id, 0), TO_TIMESTAMP_LTZ(millis, 3), 'topic',"
                    + " COALESCE(kafka_partition, 0), COALESCE(kafka_offset, 0) FROM ids";

    private DataStream<Long> ids(long count, int perSecond, Long... failAt) {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(Configuration.fromMap(config));
        GeneratorFunction<Long, Long> same = (GeneratorFunction<Long, Long> & Serializable) id -> id;
        return env.fromSource(
                        new DataGeneratorSource<>(same, count, RateLimiterStrategy.perSecond(perSecond), Types.LONG),
                        WatermarkStrategy.noWatermarks(),
                        "ids")
                .setParallelism(1)
                .map(new FailingSnapshots(Set.of(failAt)))
                .returns(Types.LONG)
                .setParallelism(1);
    }

    private JobClient start(DataStream<Long> ids) {
        StreamTableEnvironment tables = environment(ids);
        tables.executeSql("CREATE TABLE lake (" + COLUMNS + ") WITH (" + lake.options() + ", 'time-column'='ts')");
        return tables.executeSql(INSERT).getJobClient().orElseThrow();
    }

    private static void finish(JobClient job) throws Exception {
        job.getJobExecutionResult().get(2, MINUTES);
    }

    private static List<Long> upTo(long count) {
        return LongStream.range(0, count).boxed().toList();
    }

    private void assertProven(long count) throws Exception {
        assertThat(lake.longs("id")).isEqualTo(upTo(count));
        lake.assertLogTellsWhatFilesHold();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everyRowIsThereOnceAndKnowsItsCheckpointWhenCheckpointIdsAreLostToFailures(boolean objectReuse)
            throws Exception {
        config.put("pipeline.object-reuse", Boolean.toString(objectReuse));
        finish(start(ids(6_000, 1_500, 3L, 4L, 7L, 10L)));

        assertThat(FailingSnapshots.DONE).containsExactlyInAnyOrder(3L, 4L, 7L, 10L);
        assertProven(6_000);
        assertThat(lake.longs("checkpoint_id")).contains(1L).doesNotContain(3L, 4L, 7L, 10L);
    }

    @Test
    void itHoldsWithEachOperatorInItsOwnTask() throws Exception {
        config.put("pipeline.operator-chaining.enabled", "false");
        finish(start(ids(3_000, 1_500, 3L, 6L)));
        assertProven(3_000);
    }

    @Test
    void itHoldsIfCheckpointsTimeOutAndTheNextOneCommitsTheirFiles() throws Exception {
        config.put("execution.checkpointing.interval", "50 ms");
        config.put("execution.checkpointing.timeout", "10 ms");
        config.put("execution.checkpointing.tolerable-failed-checkpoints", "1000");
        finish(start(ids(3_000, 1_500)));
        assertProven(3_000);
    }

    @Test
    void theEndOfInputIsLoggedAlsoWithoutCheckpoints() throws Exception {
        config.remove("execution.checkpointing.interval");
        finish(start(ids(500, 100_000)));
        assertProven(500);
        assertThat(lake.longs("checkpoint_id")).containsOnly(1L);
    }

    @Test
    void itHoldsInBatchMode() throws Exception {
        config.remove("execution.checkpointing.interval");
        config.put("execution.runtime-mode", "batch");
        finish(start(ids(500, 100_000)));
        assertProven(500);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aJobStoppedWithASavepointGoesOnWithNothingLostDoubledOrOverwritten(boolean drain) throws Exception {
        JobClient job = start(ids(1_000_000, 2_000, 4L));
        Thread.sleep(2_000);
        String savepoint = job.stopWithSavepoint(
                        drain, folder.resolve("savepoints").toString(), SavepointFormatType.CANONICAL)
                .get(1, MINUTES);
        List<Long> before = lake.longs("id");
        Map<Path, byte[]> filesBefore = contents();
        assertThat(before).isNotEmpty().isEqualTo(upTo(before.size()));
        lake.assertLogTellsWhatFilesHold();

        config.put("execution.state-recovery.path", savepoint);
        JobClient resumed = start(ids(1_000_000, 2_000));
        Thread.sleep(2_000);
        resumed.stopWithSavepoint(false, folder.resolve("savepoints").toString(), SavepointFormatType.CANONICAL)
                .get(1, MINUTES);

        assertThat(lake.longs("id")).hasSizeGreaterThan(before.size());
        assertProven(lake.longs("id").size());
        assertThat(contents()).containsAllEntriesOf(filesBefore);
    }

    private Map<Path, byte[]> contents() throws Exception {
        Map<Path, byte[]> contents = new HashMap<>();
        for (List<Path> files : List.of(lake.files(), lake.logFiles())) {
            for (Path file : files) {
                contents.put(file, Files.readAllBytes(file));
            }
        }
        return contents;
    }

    @Test
    void aFreshJobOnTheSamePathsOverwritesNothing() throws Exception {
        config.remove("execution.checkpointing.interval");
        finish(start(ids(100, 100_000)));
        Map<Path, byte[]> first = contents();
        finish(start(ids(100, 100_000)));

        assertThat(contents()).containsAllEntriesOf(first).hasSize(2 * first.size());
        assertThat(lake.longs("id")).hasSize(200);
        lake.assertLogTellsWhatFilesHold();
    }

    @Test
    void aLogThatCannotBeWrittenKeepsFilesInvisible() throws Exception {
        Files.writeString(Files.createDirectories(folder).resolve("log"), "a file where the folder should be");
        config.put("restart-strategy.type", "none");
        JobClient job = start(ids(3_000, 1_500));
        assertThatThrownBy(() -> finish(job))
                .satisfies(error -> assertThat(causes(error)).contains("/log"));
        assertThat(lake.files()).isEmpty();
    }

    @Test
    void aFileLivesInTheFolderOfItsHour() throws Exception {
        finish(start(ids(100, 100_000)));
        assertThat(lake.files())
                .allSatisfy(file -> assertThat(lake.output().relativize(file).toString())
                        .matches("year=2026/month=01/day=01/hour=0[01]/part-[0-9a-f-]+-\\d+\\.parquet"));
    }

    @ParameterizedTest
    @CsvSource({
        "TIMESTAMP(3), '', MILLIS, true",
        "TIMESTAMP_LTZ(3), '', MILLIS, true",
        "TIMESTAMP(6), '', MICROS, true",
        "TIMESTAMP(6), parquet.timestamp.time.unit=millis, MILLIS, true",
        "TIMESTAMP(3), parquet.utc-timezone=false, MILLIS, false",
    })
    void timestampsAreInt64InUtcOfTheirPrecisionUnlessTheTableSaysOtherwise(
            String type, String option, TimeUnit unit, boolean utc) throws Exception {
        StreamTableEnvironment tables = environment(ids(1, 100));
        String more = option.isEmpty() ? "" : ", '" + option.replace("=", "'='") + "'";
        tables.executeSql("CREATE TABLE lake (ts " + type + ") WITH (" + lake.options() + more + ")");
        tables.executeSql("INSERT INTO lake SELECT CAST(TO_TIMESTAMP_LTZ(millis, 3) AS " + type + ") FROM ids")
                .await(1, MINUTES);
        Path file = lake.files().get(0);
        assertThat(ParquetFiles.schema(file).getType("ts").getLogicalTypeAnnotation())
                .isEqualTo(LogicalTypeAnnotation.timestampType(utc, unit));
        if (utc) {
            long perMilli = unit == TimeUnit.MICROS ? 1_000 : 1;
            assertThat(ParquetFiles.longs(file, "ts")).containsExactly(1_767_225_600_000L * perMilli);
        }
    }

    @Test
    void aTableOfOtherColumnsWithoutTimeIsFlatAndItsLogKnowsNoOffsets() throws Exception {
        StreamTableEnvironment tables = environment(ids(100, 100_000));
        tables.executeSql("CREATE TABLE lake (id BIGINT, name STRING) WITH (" + lake.options() + ")");
        tables.executeSql("INSERT INTO lake SELECT id, 'x' FROM ids").await(1, MINUTES);
        assertThat(lake.files()).allSatisfy(file -> assertThat(file.getParent()).isEqualTo(lake.output()));
        assertThat(lake.entries().values())
                .allSatisfy(entry -> assertThat(entry.offsetRanges()).isEmpty());
        assertProven(100);
    }

    @Test
    void aRowOfNoKafkaRecordMakesTheOffsetsOfItsFileUnknown() throws Exception {
        StreamTableEnvironment tables = environment(ids(100, 100_000));
        tables.executeSql("CREATE TABLE lake (id BIGINT, kafka_topic STRING, kafka_partition INT, kafka_offset"
                + " BIGINT) WITH (" + lake.options() + ", 'sink.parallelism'='1')");
        tables.executeSql("INSERT INTO lake SELECT id, 'x', 1, CASE WHEN id = 50 THEN CAST(NULL AS BIGINT) ELSE"
                        + " kafka_offset END FROM ids")
                .await(1, MINUTES);
        assertThat(lake.longs("id")).hasSize(100);
        assertThat(lake.entries().values()).extracting(Lake.Entry::offsetRanges).contains("");
    }

    @Test
    void aTwoWaySplitWritesTwoLakesInOneJob() throws Exception {
        Lake second = Lake.in(folder.resolve("second"));
        StreamTableEnvironment tables = environment(ids(1_000, 1_000));
        tables.executeSql("CREATE TABLE a (id BIGINT) WITH (" + lake.options() + ")");
        tables.executeSql("CREATE TABLE b (id BIGINT) WITH (" + second.options() + ")");
        tables.createStatementSet()
                .addInsertSql("INSERT INTO a SELECT id FROM ids WHERE id < 500")
                .addInsertSql("INSERT INTO b SELECT id FROM ids WHERE id >= 500")
                .execute()
                .await(1, MINUTES);
        assertProven(500);
        assertThat(second.longs("id"))
                .isEqualTo(LongStream.range(500, 1_000).boxed().toList());
        second.assertLogTellsWhatFilesHold();
    }

    private void assertRefused(String columns, String options, String select, String... messages) {
        StreamTableEnvironment tables = environment(ids(1, 1));
        tables.executeSql("CREATE TABLE lake (" + columns + ") WITH (" + options + ")");
        assertThatThrownBy(() -> tables.explainSql("INSERT INTO lake " + select))
                .satisfies(error -> assertThat(causes(error)).contains(messages));
    }

    private static String causes(Throwable error) {
        return error == null ? "" : error.getMessage() + "\n" + causes(error.getCause());
    }

    @Test
    void aTableWithTheSinksOwnColumnIsRefused() {
        assertRefused(
                "id BIGINT, Checkpoint_Id BIGINT",
                lake.options(),
                "SELECT id, id FROM ids",
                "must not declare column 'Checkpoint_Id'");
    }

    @Test
    void updatesAreRefused() {
        assertRefused(
                "id BIGINT", lake.options(), "SELECT COUNT(*) FROM ids", "doesn't support consuming update changes");
    }

    @Test
    void anUnknownOptionIsRefused() {
        assertRefused(
                "id BIGINT",
                lake.options() + ", 'time-colum'='ts'",
                "SELECT id FROM ids",
                "Unsupported options found for 'lake'",
                "time-colum");
    }

    @Test
    void aMissingOptionIsRefused() {
        assertRefused(
                "id BIGINT",
                "'connector'='lake', 'format'='parquet', 'path'='/x'",
                "SELECT id FROM ids",
                "commit-log.path");
    }

    @Test
    void aTimeColumnThatIsNoneIsRefused() {
        assertRefused(
                "id BIGINT",
                lake.options() + ", 'time-column'='ts'",
                "SELECT id FROM ids",
                "'ts'",
                "not a column",
                "id");
    }

    @Test
    void aTimeColumnOfAnotherTypeIsRefused() {
        assertRefused(
                "id BIGINT",
                lake.options() + ", 'time-column'='id'",
                "SELECT id FROM ids",
                "'id' of type BIGINT, expected TIMESTAMP");
    }

    @Test
    void anotherFormatThanParquetIsRefused() {
        assertRefused(
                "id BIGINT",
                "'connector'='lake', 'format'='json', 'path'='/x', 'commit-log.path'='/y'",
                "SELECT id FROM ids",
                "'format' = 'json', expected 'parquet'");
    }

    @Test
    void aKafkaColumnOfTheWrongTypeIsRefused() {
        assertRefused(
                "kafka_topic STRING, kafka_partition BIGINT, kafka_offset BIGINT",
                lake.options(),
                "SELECT 'x', id, id FROM ids",
                "'kafka_partition'",
                "BIGINT, expected INT");
    }
}
