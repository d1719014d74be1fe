package io.procstream.flink.postgres;

import java.time.Duration;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/**
 * {@code 'connector' = 'postgres'}: rows of texts, which PostgreSQL reads as what its columns are. With a primary key
 * they replace the row that has it.
 *
 * <p>Why not Flink's {@code jdbc} connector: when the database is unavailable, it throws once more as it is closed,
 * which Flink treats as a fatal error of the whole TaskManager, with all its jobs.
 */
public final class PostgresTableFactory implements DynamicTableSinkFactory {
    private static final ConfigOption<String> URL = text("url", "JDBC URL with stringtype=unspecified.");
    private static final ConfigOption<String> TABLE = text("table-name", "Table, quoted as PostgreSQL wants it.");
    private static final ConfigOption<String> USERNAME = text("username", "User.");
    private static final ConfigOption<String> PASSWORD = text("password", "Password.");
    private static final ConfigOption<Integer> MAX_ROWS = ConfigOptions.key("sink.buffer-flush.max-rows")
            .intType()
            .defaultValue(500)
            .withDescription("Rows in one batch.");
    private static final ConfigOption<Duration> INTERVAL = ConfigOptions.key("sink.buffer-flush.interval")
            .durationType()
            .defaultValue(Duration.ofSeconds(1))
            .withDescription("A batch is written after this time even if it is not full.");

    @Override
    public String factoryIdentifier() {
        return "postgres";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(URL, TABLE);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(USERNAME, PASSWORD, MAX_ROWS, INTERVAL);
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        ReadableConfig options = helper.getOptions();
        ResolvedSchema schema = context.getCatalogTable().getResolvedSchema();
        for (Column column : schema.getColumns()) {
            if (column.getDataType().getLogicalType().getTypeRoot() != LogicalTypeRoot.VARCHAR) {
                throw new ValidationException(String.format(
                        "Column '%s' is %s, expected STRING: cast it in the query.",
                        column.getName(), column.getDataType()));
            }
        }
        PostgresStatements statements =
                new PostgresStatements(options.get(TABLE), schema.getColumnNames(), schema.getPrimaryKeyIndexes());
        return new PostgresTableSink(new PostgresSink(
                statements,
                new PostgresSink.Database(
                        options.get(URL),
                        options.getOptional(USERNAME).orElse(null),
                        options.getOptional(PASSWORD).orElse(null)),
                options.get(MAX_ROWS),
                options.get(INTERVAL)));
    }

    private static ConfigOption<String> text(String key, String description) {
        return ConfigOptions.key(key).stringType().noDefaultValue().withDescription(description);
    }
}
