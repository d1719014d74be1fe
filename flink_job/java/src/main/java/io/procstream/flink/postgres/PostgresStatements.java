package io.procstream.flink.postgres;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The SQL of a table, with a parameter for each column, or each column of the key.
 *
 * @param table quoted
 * @param key indexes of the columns that make a row unique; none: rows are only appended
 */
record PostgresStatements(String table, List<String> columns, int[] key) implements Serializable {
    boolean isUpsert() {
        return key.length > 0;
    }

    /** INSERT, which replaces the row of the same key if there is a key. */
    String insert() {
        String insert = "INSERT INTO " + table + " (" + names(IntStream.range(0, columns.size())) + ") VALUES ("
                + String.join(", ", columns.stream().map(column -> "?").toList()) + ")";
        if (!isUpsert()) {
            return insert;
        }
        String replaced = IntStream.range(0, columns.size())
                .filter(index -> Arrays.stream(key).noneMatch(part -> part == index))
                .mapToObj(index -> quoted(index) + " = EXCLUDED." + quoted(index))
                .collect(Collectors.joining(", "));
        return insert + " ON CONFLICT (" + names(Arrays.stream(key)) + ") DO "
                + (replaced.isEmpty() ? "NOTHING" : "UPDATE SET " + replaced);
    }

    /** DELETE of the row of a key. */
    String delete() {
        return "DELETE FROM " + table + " WHERE "
                + Arrays.stream(key).mapToObj(index -> quoted(index) + " = ?").collect(Collectors.joining(" AND "));
    }

    private String names(IntStream indexes) {
        return indexes.mapToObj(this::quoted).collect(Collectors.joining(", "));
    }

    private String quoted(int index) {
        return '"' + columns.get(index).replace("\"", "\"\"") + '"';
    }
}
