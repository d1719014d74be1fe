package io.procstream.flink.deadletter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ObjectIdentifier;
import org.apache.flink.table.catalog.ResolvedCatalogTable;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.runtime.connector.source.ScanRuntimeProviderContext;
import org.apache.flink.table.types.DataType;
import org.apache.flink.util.Collector;
import org.apache.flink.util.InstantiationUtil;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;

/** The format as a connector uses it: from a table's options to rows, {@code error} and {@code raw} last. */
final class Decoder {
    private final DeserializationSchema<RowData> schema;
    private final Counter deadLetters = new SimpleCounter();

    private Decoder(DeserializationSchema<RowData> schema) {
        this.schema = schema;
    }

    static Decoder of(DataType columns, String... options) throws Exception {
        return of(List.of("error", "raw"), columns, options);
    }

    /** Options as pairs, named as below {@code value.dead-letter.}; made, sent to a task, opened. */
    static Decoder of(List<String> metadata, DataType columns, String... options) throws Exception {
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < options.length; i += 2) {
            map.put(options[i], options[i + 1]);
        }
        ResolvedCatalogTable table = new ResolvedCatalogTable(
                CatalogTable.newBuilder()
                        .schema(org.apache.flink.table.api.Schema.derived())
                        .build(),
                ResolvedSchema.of(DataType.getFields(columns).stream()
                        .map(field -> (Column) Column.physical(field.getName(), field.getDataType()))
                        .toList()));
        DecodingFormat<DeserializationSchema<RowData>> format = new DeadLetterFormatFactory()
                .createDecodingFormat(
                        new FactoryUtil.DefaultDynamicTableContext(
                                ObjectIdentifier.of("c", "d", "t"),
                                table,
                                Map.of(),
                                new Configuration(),
                                Decoder.class.getClassLoader(),
                                true),
                        Configuration.fromMap(map));
        format.applyReadableMetadata(metadata);
        DeserializationSchema<RowData> made = format.createRuntimeDecoder(ScanRuntimeProviderContext.INSTANCE, columns);
        Decoder decoder = new Decoder(InstantiationUtil.clone(made));
        decoder.schema.open(decoder.context());
        return decoder;
    }

    private DeserializationSchema.InitializationContext context() {
        return new DeserializationSchema.InitializationContext() {
            @Override
            public MetricGroup getMetricGroup() {
                return new UnregisteredMetricsGroup() {
                    @Override
                    public Counter counter(String name) {
                        return name.equals("numDeadLetters") ? deadLetters : super.counter(name);
                    }
                };
            }

            @Override
            public UserCodeClassLoader getUserCodeClassLoader() {
                return SimpleUserCodeClassLoader.create(Decoder.class.getClassLoader());
            }
        };
    }

    void decode(byte[] message, Collector<RowData> out) throws Exception {
        schema.deserialize(message, out);
    }

    List<GenericRowData> decode(byte[] message) throws Exception {
        List<RowData> rows = new ArrayList<>();
        decode(message, new ListCollector<>(rows));
        return rows.stream().map(GenericRowData.class::cast).toList();
    }

    /** The one row of a record. */
    GenericRowData row(byte[] message) throws Exception {
        List<GenericRowData> rows = decode(message);
        if (rows.size() != 1) {
            throw new AssertionError("found " + rows + ", expected one row");
        }
        return rows.get(0);
    }

    /** The error of a record, after a check that its row is otherwise nulls and the record itself. */
    String error(byte[] message) throws Exception {
        GenericRowData row = row(message);
        int columns = row.getArity() - 2;
        for (int i = 0; i < columns; i++) {
            if (!row.isNullAt(i)) {
                throw new AssertionError("column " + i + " of a dead letter is not null: " + row);
            }
        }
        if (!Arrays.equals((byte[]) row.getField(columns + 1), message)) {
            throw new AssertionError("raw is not the record: " + row);
        }
        return row.isNullAt(columns) ? null : row.getString(columns).toString();
    }

    long deadLetters() {
        return deadLetters.getCount();
    }

    static DataType row(Object... namesAndTypes) {
        List<DataTypes.Field> fields = new ArrayList<>();
        for (int i = 0; i < namesAndTypes.length; i += 2) {
            fields.add(DataTypes.FIELD((String) namesAndTypes[i], (DataType) namesAndTypes[i + 1]));
        }
        return DataTypes.ROW(fields);
    }
}
