package io.procstream.flink.deadletter;

import java.util.List;
import org.apache.flink.avro.shaded.org.apache.avro.AvroRuntimeException;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.SchemaParseException;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.RowType;

/** The schema that records are read as: the registry's own, without the fields that no column asks for. */
final class AvroReaderSchema {
    private AvroReaderSchema() {}

    /**
     * Parses it.
     *
     * @throws ValidationException if it is not of a record, or lacks a column
     */
    static Schema of(String text, RowType columns) {
        Schema schema;
        try {
            // A default that does not fit concerns only the records that need it.
            schema = new Schema.Parser().setValidateDefaults(false).parse(text);
        } catch (SchemaParseException e) {
            throw new ValidationException("Option 'schema' is not an Avro schema: " + e.getMessage(), e);
        }
        if (schema.getType() != Schema.Type.RECORD) {
            throw new ValidationException(String.format(
                    "Option 'schema' is of type %s, expected a record.",
                    schema.getType().getName()));
        }
        return selected(schema, columns);
    }

    private static Schema selected(Schema schema, RowType columns) {
        for (String name : columns.getFieldNames()) {
            if (schema.getField(name) == null) {
                throw new ValidationException(String.format(
                        "Option 'schema' has no field '%s', expected the columns: %s.",
                        name, String.join(", ", columns.getFieldNames())));
            }
        }
        List<Schema.Field> fields = schema.getFields().stream()
                .filter(field -> columns.getFieldNames().contains(field.name()))
                .map(AvroReaderSchema::copied)
                .toList();
        Schema selected = Schema.createRecord(schema.getName(), schema.getDoc(), schema.getNamespace(), false);
        schema.getAliases().forEach(selected::addAlias);
        selected.setFields(fields);
        return selected;
    }

    private static Schema.Field copied(Schema.Field field) {
        try {
            return new Schema.Field(field, field.schema());
        } catch (AvroRuntimeException e) { // its default is not of its type: as if it had none
            Schema.Field without = new Schema.Field(field.name(), field.schema(), field.doc());
            field.aliases().forEach(without::addAlias);
            return without;
        }
    }
}
