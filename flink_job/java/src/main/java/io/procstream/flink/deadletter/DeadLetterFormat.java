package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.DeadLetterSchema.Required;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.utils.DataTypeUtils;

/** Another format, with the metadata {@code error} and {@code raw} more. */
final class DeadLetterFormat implements DecodingFormat<DeserializationSchema<RowData>> {
    static final String ERROR = "error";
    static final String RAW = "raw";

    private final DecodingFormat<DeserializationSchema<RowData>> inner;
    private final String innerName;
    private final List<String> required;
    private List<String> metadataKeys = List.of();

    DeadLetterFormat(DecodingFormat<DeserializationSchema<RowData>> inner, String innerName, List<String> required) {
        this.inner = inner;
        this.innerName = innerName;
        this.required = required;
    }

    @Override
    public ChangelogMode getChangelogMode() {
        return inner.getChangelogMode();
    }

    @Override
    public Map<String, DataType> listReadableMetadata() {
        Map<String, DataType> metadata = new LinkedHashMap<>(inner.listReadableMetadata());
        metadata.put(ERROR, DataTypes.STRING());
        metadata.put(RAW, DataTypes.BYTES());
        return metadata;
    }

    @Override
    public void applyReadableMetadata(List<String> keys) {
        List<String> ofInner = new ArrayList<>(keys);
        ofInner.removeAll(List.of(ERROR, RAW));
        if (!ofInner.isEmpty()) {
            inner.applyReadableMetadata(ofInner);
        }
        // In the order of the produced row: what the inner format appends stays next to its columns.
        metadataKeys = keys;
    }

    @Override
    public DeserializationSchema<RowData> createRuntimeDecoder(DynamicTableSource.Context context, DataType columns) {
        refuseNotNull(columns);
        Map<String, DataType> metadata = listReadableMetadata();
        DataType produced = DataTypeUtils.appendRowFields(
                columns,
                metadataKeys.stream()
                        .map(key -> DataTypes.FIELD(key, metadata.get(key)))
                        .toList());
        int arity = DataType.getFieldCount(columns);
        return new DeadLetterSchema(
                inner.createRuntimeDecoder(context, columns),
                innerName,
                new DeadLetterSchema.Layout(
                        DataType.getFieldCount(produced),
                        index(arity, ERROR),
                        index(arity, RAW),
                        requiredOf(DataType.getFieldNames(columns))),
                context.createTypeInformation(produced));
    }

    private int index(int columns, String key) {
        int position = metadataKeys.indexOf(key);
        return position < 0 ? position : columns + position;
    }

    private List<Required> requiredOf(List<String> columns) {
        return required.stream()
                .map(name -> {
                    DeadLetterFormatFactory.refuseUnknown(DeadLetterFormatFactory.REQUIRED, name, columns);
                    return new Required(columns.indexOf(name), name);
                })
                .toList();
    }

    private static void refuseNotNull(DataType columns) {
        for (DataTypes.Field field : DataType.getFields(columns)) {
            if (!field.getDataType().getLogicalType().isNullable()) {
                throw new ValidationException(String.format(
                        "Column '%s' is NOT NULL, but format '%s' makes it null for a record that cannot"
                                + " be decoded: declare it nullable.",
                        field.getName(), DeadLetterFormatFactory.IDENTIFIER));
            }
        }
    }
}
