package io.procstream.flink.deadletter;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.api.ValidationException;
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

/** How a table's columns are read: a reader for each, and for what is within it. */
final class JsonColumns {
    private static final String ONCE = "each name once";
    private static final String OBJECT = "an object";

    private JsonColumns() {}

    /**
     * A reader of whole records.
     *
     * @param times how times are written, by column; all others are {@code otherTimes}
     * @throws ValidationException if there are no JSON values for a column
     */
    static JsonValue of(RowType columns, Map<String, JsonTimes.Format> times, JsonTimes.Format otherTimes) {
        Field[] fields = new Field[columns.getFieldCount()];
        for (int i = 0; i < fields.length; i++) {
            String name = columns.getFieldNames().get(i);
            fields[i] = field(columns.getTypeAt(i), name, times.getOrDefault(name, otherTimes));
        }
        return new JsonRow(columns.getFieldNames(), fields);
    }

    /**
     * A value that may be null.
     *
     * @param expected null if it may be
     */
    private record Field(JsonValue value, String expected) {
        Object read(JsonInput in) throws IOException {
            if (in.parser().currentToken() == JsonToken.VALUE_NULL) {
                if (expected != null) {
                    throw BadValueException.expected("null", expected);
                }
                return null;
            }
            return value.read(in);
        }
    }

    private static Field field(LogicalType type, String place, JsonTimes.Format times) {
        return new Field(value(type, place, times), type.isNullable() ? null : type.asSummaryString());
    }

    private static JsonValue value(LogicalType type, String place, JsonTimes.Format times) {
        JsonValue value =
                switch (type.getTypeRoot()) {
                    case ARRAY -> new JsonArray(field(((ArrayType) type).getElementType(), place + "[]", times));
                    case MAP -> map(((MapType) type).getKeyType(), ((MapType) type).getValueType(), place, times);
                    case MULTISET -> map(((MultisetType) type).getElementType(), new IntType(false), place, times);
                    case ROW -> row((RowType) type, place, times);
                    default -> JsonScalars.of(type, times);
                };
        if (value == null) {
            throw new ValidationException(String.format(
                    "Column '%s' is %s, expected a type that JSON has values for.", place, type.asSummaryString()));
        }
        return value;
    }

    private static JsonValue map(LogicalType key, LogicalType value, String place, JsonTimes.Format times) {
        return key.is(LogicalTypeRoot.VARCHAR) ? new JsonMap(field(value, place + "{}", times)) : null;
    }

    private static JsonValue row(RowType type, String place, JsonTimes.Format times) {
        Field[] fields = new Field[type.getFieldCount()];
        for (int i = 0; i < fields.length; i++) {
            fields[i] =
                    field(type.getTypeAt(i), place + "." + type.getFieldNames().get(i), times);
        }
        return new JsonRow(type.getFieldNames(), fields);
    }

    private static final class JsonRow implements JsonValue {
        /** Of a row whose columns are remembered by their position. */
        private static final int MAX_NAMES = 256;

        private final String[] names;
        private final Field[] fields;
        private final Map<String, Integer> columns = new HashMap<>();

        /** The number of the row in which each column was seen last. */
        private final int[] seenIn;

        private int row;

        /** The names of the last rows by their position, and their columns: most records are alike. */
        private final String[] lastNames = new String[MAX_NAMES];

        private final int[] lastColumns = new int[MAX_NAMES];

        JsonRow(List<String> names, Field[] fields) {
            this.names = names.toArray(String[]::new);
            this.fields = fields;
            for (int i = 0; i < fields.length; i++) {
                columns.put(names.get(i), i);
            }
            seenIn = new int[fields.length];
        }

        @Override
        public Object read(JsonInput in) throws IOException {
            JsonParser parser = in.parser();
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw in.refused(OBJECT);
            }
            row++;
            GenericRowData values = new GenericRowData(fields.length);
            int position = 0;
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                parser.nextToken();
                int column = column(name, position++);
                if (column < 0) {
                    parser.skipChildren();
                } else {
                    values.setField(column, read(in, column));
                }
            }
            for (int i = 0; i < fields.length; i++) {
                if (fields[i].expected != null && seenIn[i] != row) {
                    throw BadValueException.expected("no value", fields[i].expected)
                            .inField(names[i]);
                }
            }
            return values;
        }

        /** Negative if there is none of this name. */
        private int column(String name, int position) {
            // The parser has one object for a name: it is enough to compare that, and far faster than a look into a
            // map.
            if (position < MAX_NAMES && name == lastNames[position]) {
                return lastColumns[position];
            }
            int column = columns.getOrDefault(name, -1);
            if (position < MAX_NAMES) {
                lastNames[position] = name;
                lastColumns[position] = column;
            }
            return column;
        }

        private Object read(JsonInput in, int column) throws IOException {
            try {
                if (seenIn[column] == row) {
                    throw in.refused(ONCE);
                }
                seenIn[column] = row;
                return fields[column].read(in);
            } catch (BadValueException e) {
                throw e.inField(names[column]);
            }
        }
    }

    private record JsonArray(Field element) implements JsonValue {
        @Override
        public Object read(JsonInput in) throws IOException {
            JsonParser parser = in.parser();
            if (parser.currentToken() != JsonToken.START_ARRAY) {
                throw in.refused("an array");
            }
            List<Object> elements = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                try {
                    elements.add(element.read(in));
                } catch (BadValueException e) {
                    throw e.inElement(elements.size());
                }
            }
            return new GenericArrayData(elements.toArray());
        }
    }

    private record JsonMap(Field value) implements JsonValue {
        @Override
        public Object read(JsonInput in) throws IOException {
            JsonParser parser = in.parser();
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw in.refused(OBJECT);
            }
            Map<Object, Object> entries = new LinkedHashMap<>();
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                StringData key = JsonScalars.key(name);
                parser.nextToken();
                try {
                    if (entries.containsKey(key)) {
                        throw in.refused(ONCE);
                    }
                    entries.put(key, value.read(in));
                } catch (BadValueException e) {
                    throw e.inKey(name);
                }
            }
            return new GenericMapData(entries);
        }
    }
}
