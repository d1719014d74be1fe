package io.procstream.flink.catalog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.exceptions.CatalogException;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;

/**
 * Tables in JSON: {@code {"tables": {"orders": {"comment": "…", "columns": [{"name": "amount", "type": "DOUBLE"}, …],
 * "options": {"connector": "kafka", …}}}}}. A column has a type, and perhaps the key of the metadata it is read from;
 * or an expression.
 */
final class TopicFile {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path path;
    private Object version;
    private Map<String, Table> tables;

    private record Content(@JsonProperty(required = true) Map<String, Table> tables) {}

    private record Table(
            String comment,
            @JsonProperty(required = true) List<Column> columns,
            @JsonProperty(required = true) Map<String, String> options) {
        CatalogTable toCatalog() {
            Schema.Builder schema = Schema.newBuilder();
            columns.forEach(column -> column.addTo(schema));
            return CatalogTable.newBuilder()
                    .schema(schema.build())
                    .comment(comment)
                    .options(options)
                    .build();
        }
    }

    private record Column(
            @JsonProperty(required = true) String name,
            String type,
            String metadata,
            boolean virtual,
            String expression) {
        void addTo(Schema.Builder schema) {
            if (expression != null) {
                schema.columnByExpression(name, expression);
                return;
            }
            checkType();
            if (metadata != null) {
                schema.columnByMetadata(name, type, metadata, virtual);
            } else {
                schema.column(name, type);
            }
        }

        /** Flink takes an unknown word for a type of the user's, and then says that it supports none. */
        private void checkType() {
            if (type == null
                    || LogicalTypeChecks.hasNested(
                            LogicalTypeParser.parse(type, TopicFile.class.getClassLoader()),
                            part -> part.is(LogicalTypeRoot.UNRESOLVED))) {
                throw new IllegalArgumentException(
                        String.format("column '%s': found type %s, expected one of Flink SQL", name, type));
            }
        }
    }

    TopicFile(Path path) {
        this.path = path;
    }

    /**
     * The names of the tables.
     *
     * @throws CatalogException if the file is absent or broken
     */
    Set<String> names() {
        return tables().keySet();
    }

    /**
     * A table.
     *
     * @throws CatalogException if the file is absent or broken, or the table makes no sense
     */
    Optional<CatalogTable> table(String name) {
        try {
            return Optional.ofNullable(tables().get(name)).map(Table::toCatalog);
        } catch (CatalogException e) {
            throw e;
        } catch (RuntimeException e) {
            throw broken("table '" + name + "': " + e.getMessage(), e);
        }
    }

    /** Reads the file again if it has changed. */
    private synchronized Map<String, Table> tables() {
        try {
            Object found = List.of(Files.getLastModifiedTime(path), Files.size(path));
            if (!found.equals(version)) {
                tables = JSON.readValue(path.toFile(), Content.class).tables;
                version = found;
            }
            return tables;
        } catch (JsonProcessingException e) {
            throw broken(e.getOriginalMessage() + " at " + e.getLocation().offsetDescription(), e);
        } catch (IOException e) {
            throw broken(e.getClass().getSimpleName(), e);
        }
    }

    private CatalogException broken(String problem, Exception cause) {
        return new CatalogException("Tables cannot be read from " + path + ": " + problem, cause);
    }
}
