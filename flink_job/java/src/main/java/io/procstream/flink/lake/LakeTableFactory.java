package io.procstream.flink.lake;

import static org.apache.flink.table.factories.FactoryUtil.FORMAT;
import static org.apache.flink.table.factories.FactoryUtil.SINK_PARALLELISM;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.apache.flink.api.common.serialization.BulkWriter;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.file.table.factories.BulkWriterFormatFactory;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.EncodingFormat;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/**
 * {@code 'connector' = 'lake'}: Parquet files in hourly Hive folders, each exactly once, with a
 * commit log. Appends the column {@code checkpoint_id BIGINT NOT NULL}. Takes inserts only.
 *
 * <p>Timestamps are INT64, UTC-adjusted, in milliseconds (in microseconds or nanoseconds if a
 * column of the table has that precision). {@code parquet.*} options of the table go first.
 */
public final class LakeTableFactory implements DynamicTableSinkFactory {
    static final ConfigOption<String> PATH = ConfigOptions.key("path")
            .stringType()
            .noDefaultValue()
            .withDescription("Folder of the Parquet files, on any file system of Flink.");

    static final ConfigOption<String> COMMIT_LOG_PATH = ConfigOptions.key("commit-log.path")
            .stringType()
            .noDefaultValue()
            .withDescription("Folder of the commit log: chk-<checkpoint>/subtask-<n>-<run>.csv.");

    static final ConfigOption<String> TIME_COLUMN = ConfigOptions.key("time-column")
            .stringType()
            .noDefaultValue()
            .withDescription("TIMESTAMP or TIMESTAMP_LTZ column by whose hour in UTC a row gets its folder "
                    + "year=/month=/day=/hour=. Without it all files are directly in 'path'.");

    private static final String PARQUET = "parquet";
    private static final String UTC = "parquet.utc-timezone";
    private static final String INT64 = "parquet.write.int64.timestamp";
    private static final String UNIT = "parquet.timestamp.time.unit";

    @Override
    public String factoryIdentifier() {
        return "lake";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(PATH, COMMIT_LOG_PATH, FORMAT);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(TIME_COLUMN, SINK_PARALLELISM);
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context declared) {
        Context context = withTimestampDefaults(declared);
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        ReadableConfig options = helper.getOptions();
        if (!PARQUET.equals(options.get(FORMAT))) {
            throw new ValidationException(
                    "A 'lake' table has 'format' = '" + options.get(FORMAT) + "', expected 'parquet'.");
        }
        EncodingFormat<BulkWriter.Factory<RowData>> format =
                helper.discoverEncodingFormat(BulkWriterFormatFactory.class, FORMAT);
        helper.validateExcept(PARQUET + ".");

        DataType columns = context.getPhysicalRowDataType();
        RowType table = (RowType) columns.getLogicalType();
        refuseOwnColumn(table);
        boolean utc =
                Boolean.parseBoolean(context.getCatalogTable().getOptions().get(UTC));
        TimeColumn time = options.getOptional(TIME_COLUMN)
                .map(name -> TimeColumn.of(table, name))
                .orElse(null);
        OffsetColumns offsets = OffsetColumns.of(table);
        return new LakeTableSink(
                format,
                columns,
                parquet -> new LakeSink(
                        options.get(PATH),
                        options.get(COMMIT_LOG_PATH),
                        parquet,
                        utc,
                        table.getFieldCount(),
                        time,
                        offsets),
                options.get(SINK_PARALLELISM));
    }

    private static void refuseOwnColumn(RowType table) {
        for (String name : table.getFieldNames()) {
            if (name.equalsIgnoreCase(ParquetStamp.COLUMN)) {
                throw new ValidationException(String.format(
                        "A 'lake' table must not declare column '%s': the sink adds '%s' itself.",
                        name, ParquetStamp.COLUMN));
            }
        }
    }

    private static Context withTimestampDefaults(Context declared) {
        Map<String, String> options = new HashMap<>();
        options.put(UTC, "true");
        options.put(INT64, "true");
        options.put(UNIT, timeUnit(declared.getPhysicalRowDataType().getLogicalType()));
        options.putAll(declared.getCatalogTable().getOptions());
        return new FactoryUtil.DefaultDynamicTableContext(
                declared.getObjectIdentifier(),
                declared.getCatalogTable().copy(options),
                declared.getEnrichmentOptions(),
                declared.getConfiguration(),
                declared.getClassLoader(),
                declared.isTemporary());
    }

    /** A file has one unit for all its timestamps: the coarsest that loses nothing. */
    private static String timeUnit(LogicalType table) {
        int precision = timestampPrecision(table);
        return precision <= 3 ? "millis" : precision <= 6 ? "micros" : "nanos";
    }

    private static int timestampPrecision(LogicalType type) {
        return TimeColumn.isTimestamp(type)
                ? LogicalTypeChecks.getPrecision(type)
                : type.getChildren().stream()
                        .mapToInt(LakeTableFactory::timestampPrecision)
                        .max()
                        .orElse(0);
    }

    private record LakeTableSink(
            EncodingFormat<BulkWriter.Factory<RowData>> format,
            DataType columns,
            Function<BulkWriter.Factory<RowData>, LakeSink> sink,
            Integer parallelism)
            implements DynamicTableSink {

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return ChangelogMode.insertOnly();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkV2Provider.of(sink.apply(format.createRuntimeEncoder(context, columns)), parallelism);
        }

        @Override
        public DynamicTableSink copy() {
            return this; // immutable
        }

        @Override
        public String asSummaryString() {
            return "lake";
        }
    }
}
