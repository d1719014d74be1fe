package io.procstream.flink.deadletter;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.flink.avro.shaded.org.apache.avro.JsonProperties;
import org.apache.flink.avro.shaded.org.apache.avro.LogicalType;
import org.apache.flink.avro.shaded.org.apache.avro.LogicalTypes;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.Schema.Type;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;

/**
 * Random schemas of a writer and a reader that are two versions of one, mostly; and values of the writer's. The
 * reader's is one that a table can have: no union of several types, no null alone, nothing that contains itself.
 */
final class AvroSchemaPairs {
    record Pair(Schema writer, Schema reader) {}

    private static final Type[] PRIMITIVES = {
        Type.BOOLEAN, Type.INT, Type.LONG, Type.FLOAT, Type.DOUBLE, Type.STRING, Type.BYTES
    };
    private static final Type[][] PROMOTIONS = {
        {Type.INT, Type.LONG},
        {Type.INT, Type.FLOAT},
        {Type.INT, Type.DOUBLE},
        {Type.LONG, Type.FLOAT},
        {Type.LONG, Type.DOUBLE},
        {Type.FLOAT, Type.DOUBLE},
        {Type.STRING, Type.BYTES},
        {Type.BYTES, Type.STRING},
    };

    private final Random random;
    private int names;

    AvroSchemaPairs(Random random) {
        this.random = random;
    }

    Pair records() {
        return records(3);
    }

    private boolean oneIn(int times) {
        return random.nextInt(times) == 0;
    }

    private String name(String prefix) {
        return prefix + names++;
    }

    private Pair any(int depth) {
        return switch (random.nextInt(depth > 0 ? 12 : 7)) {
            case 0, 1 -> same(Schema.create(PRIMITIVES[random.nextInt(PRIMITIVES.length)]));
            case 2 -> promoted();
            case 3, 4 -> logical();
            case 5 -> enums();
            case 6 -> oneIn(4) ? unlike() : fixed();
            case 7 -> {
                Pair items = any(depth - 1);
                yield new Pair(Schema.createArray(items.writer), Schema.createArray(items.reader));
            }
            case 8 -> {
                Pair values = any(depth - 1);
                yield new Pair(Schema.createMap(values.writer), Schema.createMap(values.reader));
            }
            case 9 -> records(depth - 1);
            default -> unions(depth - 1);
        };
    }

    private static Pair same(Schema schema) {
        return new Pair(schema, schema);
    }

    private Pair promoted() {
        Type[] types = PROMOTIONS[random.nextInt(PROMOTIONS.length)];
        return new Pair(Schema.create(types[0]), Schema.create(types[1]));
    }

    private Pair unlike() {
        return new Pair(
                Schema.create(PRIMITIVES[random.nextInt(PRIMITIVES.length)]),
                Schema.create(PRIMITIVES[random.nextInt(PRIMITIVES.length)]));
    }

    private Pair logical() {
        return switch (random.nextInt(8)) {
            case 0 -> versions(LogicalTypes.date(), Type.INT);
            case 1 -> versions(LogicalTypes.timeMillis(), Type.INT);
            case 2 -> versions(LogicalTypes.timeMicros(), Type.LONG);
            case 3 -> versions(LogicalTypes.timestampMillis(), Type.LONG);
            case 4 -> versions(LogicalTypes.timestampMicros(), Type.LONG);
            case 5 -> versions(LogicalTypes.localTimestampMillis(), Type.LONG);
            case 6 -> versions(LogicalTypes.localTimestampMicros(), Type.LONG);
            default -> versions(LogicalTypes.decimal(1 + random.nextInt(30), random.nextInt(2)), Type.BYTES);
        };
    }

    private Pair versions(LogicalType logicalType, Type type) {
        Schema reader = logicalType.addToSchema(Schema.create(type));
        boolean promoted = type == Type.LONG && oneIn(4);
        Schema writer = promoted
                ? Schema.create(Type.INT)
                : oneIn(4) ? Schema.create(type) : logicalType.addToSchema(Schema.create(type));
        return new Pair(writer, reader);
    }

    private Pair enums() {
        String name = name("E");
        List<String> symbols = List.of("A", "B", "C", "D");
        List<String> written = shuffled(symbols).subList(0, 1 + random.nextInt(4));
        List<String> read = shuffled(symbols).subList(0, 1 + random.nextInt(4));
        String fallback = oneIn(2) ? read.get(0) : null;
        return new Pair(
                Schema.createEnum(name, null, "ns", written), Schema.createEnum(name, null, "ns", read, fallback));
    }

    private Pair fixed() {
        String name = name("F");
        int size = 1 + random.nextInt(9);
        Schema writer = Schema.createFixed(name, null, "ns", oneIn(10) ? size + 1 : size);
        Schema reader = Schema.createFixed(oneIn(5) ? name("F") : name, null, "ns", size);
        if (!reader.getName().equals(name)) {
            reader.addAlias(oneIn(3) ? "other" : name);
        }
        if (oneIn(2)) {
            LogicalTypes.decimal(1 + random.nextInt(2 * size), 1).addToSchema(reader);
        }
        return new Pair(writer, reader);
    }

    private Pair unions(int depth) {
        Schema nothing = Schema.create(Type.NULL);
        Pair value = any(depth);
        if (value.writer.isUnion() || value.reader.isUnion()) {
            return value;
        }
        List<Schema> written = new ArrayList<>(List.of(value.writer));
        if (!oneIn(3)) {
            written.add(random.nextInt(2), nothing);
        }
        Schema other = Schema.create(PRIMITIVES[random.nextInt(PRIMITIVES.length)]);
        if (oneIn(3) && other.getType() != value.writer.getType()) {
            written.add(random.nextInt(written.size() + 1), other);
        }
        Schema writer = oneIn(5) ? value.writer : Schema.createUnion(written);
        if (oneIn(5)) {
            return new Pair(writer, value.reader);
        }
        List<Schema> read = new ArrayList<>(List.of(value.reader));
        if (!oneIn(6)) {
            read.add(random.nextInt(2), nothing);
        }
        return new Pair(writer, Schema.createUnion(read));
    }

    private Pair records(int depth) {
        String name = name("R");
        Schema reader = Schema.createRecord(oneIn(4) ? name("R") : name, null, "ns", false);
        if (!reader.getName().equals(name) && !oneIn(3)) {
            reader.addAlias(name);
        }
        List<Schema.Field> written = new ArrayList<>();
        List<Schema.Field> read = new ArrayList<>();
        for (int i = random.nextInt(5); i >= 0; i--) {
            Pair types = any(depth);
            String field = name("f");
            boolean absent = oneIn(4);
            if (!absent) {
                written.add(new Schema.Field(field, types.writer));
            }
            if (oneIn(5)) {
                continue; // the reader drops it
            }
            boolean renamed = oneIn(4);
            Object value = oneIn(absent ? 6 : 2) ? null : defaultOf(types.reader);
            Schema.Field inReader = new Schema.Field(renamed ? name("g") : field, types.reader, null, value);
            if (renamed && !oneIn(5)) {
                inReader.addAlias(field);
            }
            read.add(inReader);
        }
        if (read.isEmpty()) {
            read.add(new Schema.Field(name("d"), Schema.create(Type.INT), null, 7));
        }
        return new Pair(
                Schema.createRecord(name, null, "ns", false, shuffled(written)), withFields(reader, shuffled(read)));
    }

    private static Schema withFields(Schema record, List<Schema.Field> fields) {
        record.setFields(fields);
        return record;
    }

    private <T> List<T> shuffled(List<T> list) {
        List<T> copy = new ArrayList<>(list);
        Collections.shuffle(copy, random);
        return copy;
    }

    /** A default in the form that a field's constructor expects. */
    private Object defaultOf(Schema schema) {
        return switch (schema.getType()) {
            case NULL -> JsonProperties.NULL_VALUE;
            case BOOLEAN -> random.nextBoolean();
            case INT -> random.nextInt(200) - 100;
            case LONG -> (long) random.nextInt();
            case FLOAT -> 1.5f;
            case DOUBLE -> random.nextInt() / 8.0;
            case STRING -> "ż" + random.nextInt(10);
            case BYTES -> new byte[] {(byte) random.nextInt(), 3};
            case FIXED -> new byte[schema.getFixedSize()];
            case ENUM -> schema.getEnumSymbols().get(0);
            case ARRAY -> oneIn(2) ? List.of() : List.of(defaultOf(schema.getElementType()));
            case MAP -> oneIn(2) ? Map.of() : Map.of("k", defaultOf(schema.getValueType()));
            case UNION -> defaultOf(schema.getTypes().get(0));
            case RECORD -> {
                Map<String, Object> fields = new HashMap<>();
                schema.getFields().forEach(field -> fields.put(field.name(), defaultOf(field.schema())));
                yield fields;
            }
        };
    }

    /** A value that the schema can write; sometimes one that its logical type does not allow. */
    Object value(Schema schema) {
        return switch (schema.getType()) {
            case NULL -> null;
            case BOOLEAN -> random.nextBoolean();
            case INT -> random.nextInt(oneIn(2) ? 2_000_000 : oneIn(9) ? Integer.MAX_VALUE : 86_400_000)
                    - random.nextInt(9);
            case LONG -> oneIn(9) ? random.nextLong() : random.nextLong(200_000_000_000_000L);
            case FLOAT -> random.nextFloat();
            case DOUBLE -> random.nextGaussian();
            case STRING -> text();
            case BYTES -> ByteBuffer.wrap(bytes());
            case FIXED -> {
                byte[] bytes = new byte[schema.getFixedSize()];
                if (oneIn(2)) {
                    random.nextBytes(bytes);
                }
                yield new GenericData.Fixed(schema, bytes);
            }
            case ENUM -> {
                List<String> symbols = schema.getEnumSymbols();
                yield new GenericData.EnumSymbol(schema, symbols.get(random.nextInt(symbols.size())));
            }
            case ARRAY -> IntStream.range(0, random.nextInt(4))
                    .mapToObj(i -> value(schema.getElementType()))
                    .toList();
            case MAP -> {
                Map<String, Object> map = new HashMap<>();
                for (int i = random.nextInt(4); i > 0; i--) {
                    map.put(text(), value(schema.getValueType()));
                }
                yield map;
            }
            case UNION -> value(
                    schema.getTypes().get(random.nextInt(schema.getTypes().size())));
            case RECORD -> {
                GenericData.Record record = new GenericData.Record(schema);
                schema.getFields().forEach(field -> record.put(field.name(), value(field.schema())));
                yield record;
            }
        };
    }

    private String text() {
        int[] letters = random.ints(random.nextInt(8), 0, 4)
                .map(i -> new int[] {'a', 'ż', '語', 0x1F600}[i])
                .toArray();
        return new String(letters, 0, letters.length);
    }

    private byte[] bytes() {
        if (oneIn(2)) {
            return text().getBytes(java.nio.charset.StandardCharsets.UTF_8);
        }
        return new BigInteger(random.nextInt(90), random).toByteArray();
    }
}
