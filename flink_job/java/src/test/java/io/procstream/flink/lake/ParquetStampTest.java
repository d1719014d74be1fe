package io.procstream.flink.lake;

import static org.apache.flink.table.api.DataTypes.ARRAY;
import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.apache.flink.table.api.DataTypes.FIELD;
import static org.apache.flink.table.api.DataTypes.ROW;
import static org.apache.flink.table.api.DataTypes.STRING;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP_LTZ;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.flink.api.common.serialization.BulkWriter;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.local.LocalFileSystem;
import org.apache.flink.formats.parquet.row.ParquetRowDataBuilder;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type.Repetition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link StampedParquet} writes, read back by parquet-mr. */
class ParquetStampTest {
    private static final long CHECKPOINT = 1L << 40 | 17;

    private static final DataType TABLE = ROW(
            FIELD("id", BIGINT().notNull()),
            FIELD("name", STRING()),
            FIELD("cpus", ARRAY(ROW(FIELD("cpu", STRING()), FIELD("at", TIMESTAMP(3))))),
            FIELD("local", TIMESTAMP(3)),
            FIELD("instant", TIMESTAMP_LTZ(3)));

    @TempDir
    Path folder;

    private String padding = "";

    private RowData row(long id) {
        TimestampData time = TimestampData.fromEpochMillis(1_000 * id + 1);
        Object[] cpus = LongStream.range(0, id % 4)
                .mapToObj(cpu -> GenericRowData.of(StringData.fromString("cpu" + cpu), time))
                .toArray();
        return GenericRowData.of(
                id,
                id % 3 == 0 && padding.isEmpty() ? null : StringData.fromString("row " + id + padding),
                id % 5 == 0 ? null : new GenericArrayData(cpus),
                time,
                id % 7 == 0 ? null : time);
    }

    private Path write(int rows, boolean utc, String... options) throws IOException {
        Configuration conf = new Configuration(false);
        conf.set("parquet.write.int64.timestamp", "true");
        conf.set("parquet.timestamp.time.unit", "millis");
        for (int i = 0; i < options.length; i += 2) {
            conf.set(options[i], options[i + 1]);
        }
        CheckpointId id = new CheckpointId();
        id.set(CHECKPOINT);
        BulkWriter.Factory<RowData> parquet =
                ParquetRowDataBuilder.createWriterFactory((RowType) TABLE.getLogicalType(), conf, true);
        Path file = folder.resolve("part-0.parquet");
        try (FSDataOutputStream out = create(file)) {
            BulkWriter<RowData> writer = new StampedParquet(parquet, id, utc).create(out);
            for (int i = 0; i < rows; i++) {
                writer.addElement(row(i));
            }
            writer.finish();
        }
        return file;
    }

    private static FSDataOutputStream create(Path file) throws IOException {
        return LocalFileSystem.getSharedInstance()
                .create(new org.apache.flink.core.fs.Path(file.toString()), WriteMode.OVERWRITE);
    }

    private void assertStamped(Path file, int rows) throws IOException {
        List<Group> read = ParquetFiles.rows(file);
        assertThat(read).hasSize(rows);
        for (int i = 0; i < rows; i++) {
            Group row = read.get(i);
            assertThat(row.getLong("checkpoint_id", 0)).isEqualTo(CHECKPOINT);
            assertThat(row.getLong("id", 0)).isEqualTo(i);
            assertThat(row.getFieldRepetitionCount("name")).isEqualTo(i % 3 == 0 && padding.isEmpty() ? 0 : 1);
            assertThat(row.getLong("local", 0)).isEqualTo(1_000L * i + 1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "UNCOMPRESSED, PARQUET_1_0",
        "SNAPPY, PARQUET_1_0",
        "GZIP, PARQUET_2_0",
        "ZSTD, PARQUET_2_0",
    })
    void everyRowHasTheIdWhateverCodecAndPageVersion(String codec, String version) throws IOException {
        assertStamped(write(5_000, true, "parquet.compression", codec, "parquet.writer.version", version), 5_000);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 127, 128, 129, 16_384, 100_000})
    void theRunOfIdsIsAsLongAsTheRowGroup(int rows) throws IOException {
        assertStamped(write(rows, true), rows);
    }

    @Test
    void everyRowGroupGetsItsChunk() throws IOException {
        Path file = write(20_000, true, "parquet.block.size", "20000", "parquet.page.size", "2000");
        assertStamped(file, 20_000);
        try (ParquetFileReader reader = ParquetFiles.open(file)) {
            assertThat(reader.getRowGroups()).hasSizeGreaterThan(3);
        }
    }

    @Test
    void aFileOfMoreBytesThanAreHeldBackIsWhole() throws IOException {
        padding = "x".repeat(1_000);
        Path file = write(
                45_000,
                true,
                "parquet.compression",
                "UNCOMPRESSED",
                "parquet.enable.dictionary",
                "false",
                "parquet.block.size",
                "" + (512 << 20));
        assertThat(file.toFile().length()).isGreaterThan(40 << 20);
        assertStamped(file, 45_000);
    }

    @Test
    void aFileWithoutRowsHasTheColumn() throws IOException {
        Path file = write(0, true);
        assertThat(ParquetFiles.rows(file)).isEmpty();
        assertThat(ParquetFiles.schema(file).containsField("checkpoint_id")).isTrue();
    }

    @Test
    void theColumnIsTheLastOneAndRequired() throws IOException {
        MessageType schema = ParquetFiles.schema(write(1, true));
        assertThat(schema.getFieldIndex("checkpoint_id")).isEqualTo(schema.getFieldCount() - 1);
        assertThat(schema.getType("checkpoint_id").isRepetition(Repetition.REQUIRED))
                .isTrue();
    }

    @Test
    void statisticsAndPageIndexesNameTheId() throws IOException {
        try (ParquetFileReader reader =
                ParquetFiles.open(write(20_000, true, "parquet.block.size", "20000", "parquet.page.size", "2000"))) {
            for (BlockMetaData group : reader.getRowGroups()) {
                ColumnChunkMetaData chunk =
                        group.getColumns().get(group.getColumns().size() - 1);
                assertThat(chunk.getPath().toDotString()).isEqualTo("checkpoint_id");
                assertThat(chunk.getValueCount()).isEqualTo(group.getRowCount());
                assertThat((Object) chunk.getStatistics().genericGetMin()).isEqualTo(CHECKPOINT);
                assertThat((Object) chunk.getStatistics().genericGetMax()).isEqualTo(CHECKPOINT);
                assertThat(chunk.getStatistics().getNumNulls()).isZero();
                assertThat(reader.readColumnIndex(chunk).getMinValues())
                        .containsExactlyElementsOf(reader.readColumnIndex(chunk).getMaxValues());
                assertThat(reader.readOffsetIndex(chunk).getFirstRowIndex(0)).isZero();
                assertThat(reader.readOffsetIndex(chunk).getLastRowIndex(0, group.getRowCount()))
                        .isEqualTo(group.getRowCount() - 1);
            }
        }
    }

    @Test
    void timestampsOfBothTypesAreInt64InUtcAlsoInsideRows() throws IOException {
        MessageType schema = ParquetFiles.schema(write(10, true));
        for (String[] path : List.of(
                new String[] {"local"}, new String[] {"instant"}, new String[] {"cpus", "list", "element", "at"})) {
            var type = schema.getType(path).asPrimitiveType();
            assertThat(type.getPrimitiveTypeName()).isEqualTo(PrimitiveTypeName.INT64);
            assertThat(type.getLogicalTypeAnnotation())
                    .isEqualTo(LogicalTypeAnnotation.timestampType(true, TimeUnit.MILLIS));
        }
    }

    @Test
    void flinksOwnMarkIsLeftAloneUnlessTimestampsAreUtc() throws IOException {
        assertThat(ParquetFiles.schema(write(1, false)).getType("instant").getLogicalTypeAnnotation())
                .isEqualTo(LogicalTypeAnnotation.timestampType(false, TimeUnit.MILLIS));
    }

    @Test
    void aTailThatIsNoParquetFooterIsRefused() throws IOException {
        ParquetStamp stamp = new ParquetStamp(CHECKPOINT, true);
        for (String tail : List.of("", "PAR1", "somethingPARE", "no footer here", "\u007f\u007f\u007f\u007fPAR1")) {
            try (FSDataOutputStream out = create(folder.resolve("bad"))) {
                assertThatThrownBy(() -> stamp.append(tail.getBytes(StandardCharsets.US_ASCII), out))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("footer");
            }
        }
    }

    @Test
    void aFileClosedWithoutKnownCheckpointFails() throws IOException {
        BulkWriter.Factory<RowData> parquet = ParquetRowDataBuilder.createWriterFactory(
                (RowType) TABLE.getLogicalType(), new Configuration(false), true);
        try (FSDataOutputStream out = create(folder.resolve("x"))) {
            BulkWriter<RowData> writer = new StampedParquet(parquet, new CheckpointId(), true).create(out);
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
        }
    }
}
