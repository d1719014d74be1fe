package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.util.List;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;

/**
 * Keeps times of one unit from being read as another's. Avro pairs a long with a long whatever their logical types,
 * and Flink takes each for milliseconds: microseconds would become dates far away, silently.
 */
final class TimeUnitCheck {
    private static final List<String> UNITS = List.of("-millis", "-micros", "-nanos");

    private TimeUnitCheck() {}

    /** Compares the fields that two record schemas share, at any depth. */
    static void compare(Schema writer, Schema reader) throws BadRecordException {
        Schema from = withoutNull(writer);
        Schema to = withoutNull(reader);
        if (from.getType() != to.getType()) {
            return; // Avro's own resolution says what is wrong with that
        }
        switch (to.getType()) {
            case RECORD -> {
                for (Schema.Field field : to.getFields()) {
                    Schema.Field written = from.getField(field.name());
                    if (written != null) {
                        compareField(field.name(), written.schema(), field.schema());
                    }
                }
            }
            case ARRAY -> compare(from.getElementType(), to.getElementType());
            case MAP -> compare(from.getValueType(), to.getValueType());
            default -> {}
        }
    }

    private static void compareField(String name, Schema writer, Schema reader) throws BadRecordException {
        String written = logicalType(writer);
        String read = logicalType(reader);
        for (String unit : UNITS) {
            if (written.endsWith(unit) && !read.endsWith(unit) && !read.isEmpty()) {
                throw new BadRecordException(
                        Reason.UNDECODABLE,
                        String.format("field '%s' is %s, its column reads %s", name, written, read));
            }
        }
        compare(writer, reader);
    }

    private static String logicalType(Schema schema) {
        String type = withoutNull(schema).getProp("logicalType");
        return type == null ? "" : type;
    }

    private static Schema withoutNull(Schema schema) {
        if (!schema.isUnion()) {
            return schema;
        }
        List<Schema> types = schema.getTypes().stream()
                .filter(type -> type.getType() != Schema.Type.NULL)
                .toList();
        return types.size() == 1 ? types.get(0) : schema;
    }
}
