package io.procstream.flink.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.exceptions.CatalogException;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TopicCatalogTest {
    private static final String NUMBERS =
            """
            "numbers": {"columns": [{"name": "n", "type": "BIGINT"}, {"name": "twice", "expression": "n * 2"}],
              "options": {"connector": "datagen", "number-of-rows": 3, "fields.n.kind": "sequence",
                "fields.n.start": 1, "fields.n.end": 3}}""";
    private static final String ORDERS =
            """
            "orders": {"comment": "topic orders", "columns": [
                {"name": "amount", "type": "DOUBLE"},
                {"name": "user", "type": "ROW<name STRING>"},
                {"name": "kafka_offset", "type": "BIGINT", "metadata": "offset", "virtual": true},
                {"name": "proc", "expression": "PROCTIME()"}],
              "options": {"connector": "kafka", "topic": "orders"}}""";

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void writeTables() throws Exception {
        file = folder.resolve("topics.json");
        write(NUMBERS);
    }

    private void write(String... tables) throws Exception {
        Files.writeString(file, "{\"tables\": {" + String.join(",", tables) + "}}");
    }

    private TableEnvironment environment() {
        TableEnvironment env = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        env.executeSql("CREATE CATALOG topics WITH ('type'='procstream-topics', 'path'='" + file + "')");
        env.useCatalog("topics");
        return env;
    }

    private static List<Row> rows(TableEnvironment env, String sql) {
        List<Row> rows = new ArrayList<>();
        env.executeSql(sql).collect().forEachRemaining(rows::add);
        return rows;
    }

    @Test
    void theTablesOfTheFileAreListedDescribedAndRead() throws Exception {
        write(NUMBERS, ORDERS);
        TableEnvironment env = environment();
        assertThat(env.listDatabases()).containsExactly("default");
        assertThat(rows(env, "SHOW TABLES")).containsExactly(Row.of("numbers"), Row.of("orders"));
        assertThat(rows(env, "DESCRIBE orders"))
                .extracting(row -> row.getField(0), row -> row.getField(1), row -> row.getField(4))
                .containsExactly(
                        tuple("amount", "DOUBLE", null),
                        tuple("user", "ROW<`name` STRING>", null),
                        tuple("kafka_offset", "BIGINT", "METADATA FROM 'offset' VIRTUAL"),
                        tuple("proc", "TIMESTAMP_LTZ(3) *PROCTIME*", "AS PROCTIME()"));
        assertThat(rows(env, "SHOW CREATE TABLE orders").toString()).contains("COMMENT 'topic orders'", "'orders'");
        assertThat(rows(env, "SELECT * FROM numbers"))
                .containsExactlyInAnyOrder(Row.of(1L, 2L), Row.of(2L, 4L), Row.of(3L, 6L));
    }

    @Test
    void aChangedFileIsReadAnew() throws Exception {
        TableEnvironment env = environment();
        write(NUMBERS, ORDERS);
        assertThat(env.listTables()).containsExactly("numbers", "orders");
        write(ORDERS);
        assertThat(env.listTables()).containsExactly("orders");
        assertThatThrownBy(() -> env.from("numbers")).isInstanceOf(ValidationException.class);
    }

    @Test
    void aSessionMayAddItsOwn() throws Exception {
        TableEnvironment env = environment();
        env.executeSql("CREATE VIEW big AS SELECT n FROM numbers WHERE n > 2");
        env.executeSql("CREATE TEMPORARY VIEW small AS SELECT n FROM numbers WHERE n < 2");
        env.executeSql("CREATE TABLE nothing (n BIGINT) WITH ('connector'='blackhole')");
        write(NUMBERS, ORDERS);
        assertThat(env.listTables()).containsExactlyInAnyOrder("numbers", "orders", "big", "small", "nothing");
        assertThat(env.listViews()).containsExactlyInAnyOrder("big", "small");
        assertThat(rows(env, "SELECT * FROM big UNION ALL SELECT * FROM small"))
                .containsExactlyInAnyOrder(Row.of(3L), Row.of(1L));
        env.executeSql("DROP VIEW big");
        env.executeSql("ALTER TABLE nothing RENAME TO gone");
        assertThat(env.listTables()).containsExactlyInAnyOrder("numbers", "orders", "small", "gone");
    }

    @ParameterizedTest
    @CsvSource({
        "DROP TABLE numbers",
        "ALTER TABLE numbers RENAME TO n",
        "ALTER TABLE numbers SET ('number-of-rows'='1')",
    })
    void aTableOfTheFileCannotBeChanged(String sql) {
        TableEnvironment env = environment();
        assertThatThrownBy(() -> env.executeSql(sql))
                .hasStackTraceContaining(
                        "Table 'default.numbers' is defined in " + file + " and cannot be changed here.");
    }

    @Test
    void anAbsentFileIsNamed() throws Exception {
        Files.delete(file);
        assertThatThrownBy(this::environment)
                .hasStackTraceContaining("Tables cannot be read from " + file + ": NoSuchFileException");
        writeTables();
        TableEnvironment env = environment();
        Files.delete(file);
        assertThatThrownBy(env::listTables)
                .isInstanceOf(CatalogException.class)
                .hasMessageStartingWith("Tables cannot be read from " + file);
        writeTables();
        assertThat(env.listTables()).containsExactly("numbers");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ | Unexpected end-of-input",
                "{} | Missing required creator property 'tables'",
                "{\"tables\": {\"t\": {\"options\": {}}}} | Missing required creator property 'columns'",
                "{\"tables\": {\"t\": {\"columns\": [{\"name\": \"x\", \"tpye\": \"INT\"}]}}} | Unrecognized field \"tpye\"",
            })
    void aBrokenFileIsNamedWithWhatIsWrong(String content, String problem) throws Exception {
        TableEnvironment env = environment();
        Files.writeString(file, content);
        assertThatThrownBy(env::listTables)
                .isInstanceOf(CatalogException.class)
                .hasMessageStartingWith("Tables cannot be read from " + file + ": " + problem);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"DUOBLE\"", "\"ARRAY<DUOBLE>\"", "null"})
    void aTypeThatIsNoneIsNamedAndFailsItsTableOnly(String type) throws Exception {
        write(NUMBERS, ORDERS.replace("\"DOUBLE\"", type));
        TableEnvironment env = environment();
        assertThat(env.listTables()).containsExactly("numbers", "orders");
        assertThat(rows(env, "SELECT * FROM numbers")).hasSize(3);
        assertThatThrownBy(() -> env.from("orders"))
                .isInstanceOf(CatalogException.class)
                .hasMessage("Tables cannot be read from " + file + ": table 'orders': column 'amount': found type "
                        + type.replace("\"", "") + ", expected one of Flink SQL");
    }

    @Test
    void itComesFromACatalogStore() throws Exception {
        Path store = Files.createDirectory(folder.resolve("catalogs"));
        Files.writeString(store.resolve("topics.yaml"), "type: procstream-topics\npath: " + file + "\n");
        Configuration configuration = Configuration.fromMap(Map.of(
                "table.catalog-store.kind",
                "file",
                "table.catalog-store.file.path",
                store.toUri().toString(),
                "table.builtin-catalog-name",
                "session"));
        TableEnvironment env = TableEnvironment.create(EnvironmentSettings.newInstance()
                .withConfiguration(configuration)
                .build());
        assertThat(rows(env, "SHOW CATALOGS")).containsExactlyInAnyOrder(Row.of("session"), Row.of("topics"));
        assertThat(rows(env, "SELECT n FROM topics.`default`.numbers")).hasSize(3);
    }
}
