package io.procstream.flink.deadletter;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.avro.shaded.org.apache.avro.Resolver;
import org.apache.flink.avro.shaded.org.apache.avro.Resolver.Action;
import org.apache.flink.avro.shaded.org.apache.avro.Resolver.Container;
import org.apache.flink.avro.shaded.org.apache.avro.Resolver.EnumAdjust;
import org.apache.flink.avro.shaded.org.apache.avro.Resolver.ReaderUnion;
import org.apache.flink.avro.shaded.org.apache.avro.Resolver.RecordAdjust;
import org.apache.flink.avro.shaded.org.apache.avro.Resolver.WriterUnion;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumWriter;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryEncoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;
import org.apache.flink.avro.shaded.org.apache.avro.io.EncoderFactory;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.MultisetType;
import org.apache.flink.table.types.logical.RowType;

/**
 * Reads records of a writer's schema as rows, resolved to the reader's schema by the rules of the Avro specification
 * ("Schema Resolution").
 *
 * <p>Avro itself decides what becomes of each field (its {@link Resolver}); the values go from the record's bytes
 * straight into Flink's form, without Avro's objects between them, so that an error names the field.
 */
final class AvroResolution {
    private final AvroScalars scalars;

    AvroResolution(AvroScalars scalars) {
        this.scalars = scalars;
    }

    /**
     * A reader of rows.
     *
     * @param reader a record with a field for each column
     * @throws org.apache.flink.table.api.ValidationException if a column cannot hold its field of the reader's schema
     */
    AvroValue rows(Schema writer, Schema reader, RowType columns) {
        return value(Resolver.resolve(Schema.applyAliases(writer, reader), reader), columns, "");
    }

    private AvroValue value(Action action, LogicalType column, String place) {
        return switch (action.type) {
            case DO_NOTHING, PROMOTE -> scalars.value(action.writer, action.reader, column, place);
            case ENUM -> enumeration((EnumAdjust) action, column, place);
            case RECORD -> record((RecordAdjust) action, column, place);
            case CONTAINER -> container((Container) action, column, place);
            case WRITER_UNION -> writerUnion((WriterUnion) action, column, place);
            case READER_UNION -> readerUnion((ReaderUnion) action, column, place);
            case SKIP -> skip(action.writer);
            case ERROR -> unresolved(action.toString());
        };
    }

    /** By Avro's rules it is an error only of the records that have such a value. */
    private static AvroValue unresolved(String problem) {
        return in -> {
            throw new BadValueException(problem);
        };
    }

    private static AvroValue skip(Schema writer) {
        return in -> {
            GenericDatumReader.skip(writer, in);
            return null;
        };
    }

    private AvroValue record(RecordAdjust action, LogicalType column, String place) {
        if (!(column instanceof RowType row)) {
            throw AvroScalars.doesNotFit(action.reader, column, place);
        }
        List<String> names = row.getFieldNames();
        AvroValue[] values = new AvroValue[action.fieldActions.length];
        String[] fields = new String[values.length];
        int[] targets = new int[values.length];
        int read = 0;
        for (int i = 0; i < values.length; i++) {
            Action field = action.fieldActions[i];
            fields[i] = action.writer.getFields().get(i).name();
            if (field.type == Action.Type.SKIP) {
                values[i] = skip(field.writer);
                targets[i] = -1;
                continue;
            }
            fields[i] = action.readerOrder[read++].name();
            targets[i] = names.indexOf(fields[i]);
            values[i] = targets[i] < 0
                    ? skip(field.writer)
                    : value(field, row.getTypeAt(targets[i]), below(place, fields[i]));
        }
        AvroValue[] defaults = new AvroValue[row.getFieldCount()];
        for (int i = action.firstDefault; i < action.readerOrder.length; i++) {
            Schema.Field field = action.readerOrder[i];
            int target = names.indexOf(field.name());
            if (target >= 0) {
                Object value = action.defaults[i - action.firstDefault];
                defaults[target] =
                        defaultValue(value, field.schema(), row.getTypeAt(target), below(place, field.name()));
            }
        }
        return new AvroRecord(row.getFieldCount(), values, fields, targets, defaults, names);
    }

    /** Writes the default and reads it: then it is converted, and refused, as any other value. */
    private AvroValue defaultValue(Object value, Schema schema, LogicalType column, String place) {
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
            new GenericDatumWriter<>(schema).write(value, encoder);
            encoder.flush();
            Object converted = value(Resolver.resolve(schema, schema), column, place)
                    .read(DecoderFactory.get().binaryDecoder(bytes.toByteArray(), null));
            return in -> converted;
        } catch (IOException | RuntimeException e) {
            return unresolved("the default " + value + " does not fit: " + e.getMessage());
        }
    }

    private AvroValue container(Container action, LogicalType column, String place) {
        if (action.writer.getType() == Schema.Type.ARRAY && column instanceof ArrayType array) {
            return new AvroArray(value(action.elementAction, array.getElementType(), place + "[]"));
        }
        AvroValue keys = AvroScalars.text();
        if (action.writer.getType() == Schema.Type.MAP
                && column instanceof MapType map
                && map.getKeyType().is(LogicalTypeRoot.VARCHAR)) {
            return new AvroMap(keys, value(action.elementAction, map.getValueType(), place + "{}"));
        }
        if (action.writer.getType() == Schema.Type.MAP
                && column instanceof MultisetType multiset
                && multiset.getElementType().is(LogicalTypeRoot.VARCHAR)) {
            return new AvroMap(keys, value(action.elementAction, new IntType(false), place + "{}"));
        }
        throw AvroScalars.doesNotFit(action.reader, column, place);
    }

    private AvroValue writerUnion(WriterUnion action, LogicalType column, String place) {
        refuseUnionOfTypes(action.reader, column, place);
        AvroValue[] branches = Stream.of(action.actions)
                .map(branch -> value(branch, column, place))
                .toArray(AvroValue[]::new);
        return in -> {
            int index = in.readIndex();
            if (index < 0 || index >= branches.length) {
                throw BadValueException.expected("branch " + index, "a union of " + branches.length + " types");
            }
            return branches[index].read(in);
        };
    }

    private AvroValue readerUnion(ReaderUnion action, LogicalType column, String place) {
        refuseUnionOfTypes(action.reader, column, place);
        return value(action.actualAction, column, place);
    }

    private static void refuseUnionOfTypes(Schema reader, LogicalType column, String place) {
        if (reader.isUnion()
                && reader.getTypes().stream().filter(type -> !isNull(type)).count() > 1) {
            throw AvroScalars.doesNotFit(reader, column, place);
        }
    }

    private static boolean isNull(Schema schema) {
        return schema.getType() == Schema.Type.NULL;
    }

    private static AvroValue enumeration(EnumAdjust action, LogicalType column, String place) {
        if (!column.is(LogicalTypeRoot.VARCHAR)) {
            throw AvroScalars.doesNotFit(action.reader, column, place);
        }
        List<String> written = action.writer.getEnumSymbols();
        List<String> known = action.reader.getEnumSymbols();
        StringData[] symbols = new StringData[written.size()];
        for (int i = 0; i < symbols.length; i++) {
            int symbol = action.adjustments[i];
            symbols[i] = symbol < 0 ? null : StringData.fromString(known.get(symbol));
        }
        return in -> {
            int index = in.readEnum();
            if (index < 0 || index >= symbols.length) {
                throw BadValueException.expected("symbol " + index, "an enum of " + symbols.length + " symbols");
            }
            if (symbols[index] == null) {
                throw BadValueException.expected(written.get(index), "one of " + String.join(", ", known));
            }
            return symbols[index];
        };
    }

    private static String below(String place, String field) {
        return place.isEmpty() ? field : place + "." + field;
    }

    /**
     * A record's fields, in the writer's order.
     *
     * @param targets the column of each field, or negative if it is read and dropped
     * @param defaults values of the columns that the writer does not have; null where it has
     */
    private record AvroRecord(
            int arity, AvroValue[] values, String[] fields, int[] targets, AvroValue[] defaults, List<String> names)
            implements AvroValue {
        @Override
        public Object read(BinaryDecoder in) throws IOException {
            GenericRowData row = new GenericRowData(arity);
            for (int i = 0; i < values.length; i++) {
                try {
                    Object value = values[i].read(in);
                    if (targets[i] >= 0) {
                        row.setField(targets[i], value);
                    }
                } catch (BadValueException e) {
                    throw e.inField(fields[i]);
                } catch (RuntimeException e) { // Avro's, of lengths and counts that make no sense
                    throw new BadValueException(BadRecordException.summary(e)).inField(fields[i]);
                }
            }
            for (int i = 0; i < arity; i++) {
                if (defaults[i] != null) {
                    try {
                        row.setField(i, defaults[i].read(in));
                    } catch (BadValueException e) {
                        throw e.inField(names.get(i));
                    }
                }
            }
            return row;
        }
    }

    private record AvroArray(AvroValue element) implements AvroValue {
        @Override
        public Object read(BinaryDecoder in) throws IOException {
            List<Object> elements = new ArrayList<>();
            for (long left = in.readArrayStart(); left > 0; left = in.arrayNext()) {
                for (; left > 0; left--) {
                    try {
                        elements.add(element.read(in));
                    } catch (BadValueException e) {
                        throw e.inElement(elements.size());
                    }
                }
            }
            return new GenericArrayData(elements.toArray());
        }
    }

    private record AvroMap(AvroValue key, AvroValue value) implements AvroValue {
        @Override
        public Object read(BinaryDecoder in) throws IOException {
            Map<Object, Object> entries = new HashMap<>();
            for (long left = in.readMapStart(); left > 0; left = in.mapNext()) {
                for (; left > 0; left--) {
                    Object name = key.read(in);
                    try {
                        entries.put(name, value.read(in));
                    } catch (BadValueException e) {
                        throw e.inKey(name.toString());
                    }
                }
            }
            return new GenericMapData(entries);
        }
    }
}
