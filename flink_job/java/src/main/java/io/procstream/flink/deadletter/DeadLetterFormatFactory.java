package io.procstream.flink.deadletter;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.SchemaParseException;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ConfigurationUtils;
import org.apache.flink.configuration.DelegatingConfiguration;
import org.apache.flink.configuration.FallbackKey;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.formats.avro.AvroFormatOptions;
import org.apache.flink.formats.avro.registry.confluent.AvroConfluentFormatOptions;
import org.apache.flink.formats.avro.registry.confluent.RegistryAvroFormatFactory;
import org.apache.flink.formats.json.JsonFormatFactory;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.factories.Factory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/**
 * {@code 'format' = 'dead-letter', 'dead-letter.format' = '<another>'}: a record the other format
 * cannot decode is a row too, of nulls, with metadata {@code error} and {@code raw}.
 *
 * <p>The other format's options are given as {@code 'dead-letter.<another>.<option>'}.
 */
public final class DeadLetterFormatFactory implements DeserializationFormatFactory {
    static final String IDENTIFIER = "dead-letter";

    static final ConfigOption<String> INNER_FORMAT = ConfigOptions.key("format")
            .stringType()
            .noDefaultValue()
            .withDescription("The format that decodes the records, for example 'avro-confluent'.");

    static final ConfigOption<Duration> RETRY_TIMEOUT = ConfigOptions.key("retry-timeout")
            .durationType()
            .defaultValue(Duration.ofSeconds(30))
            .withDescription("How long a schema registry that does not answer is asked again before the job fails.");

    static final ConfigOption<List<String>> REQUIRED = ConfigOptions.key("required")
            .stringType()
            .asList()
            .noDefaultValue()
            .withDescription(
                    "Columns, separated by ';'. A record that lacks one, or has null there, is a dead letter.");

    /** Besides the options of Flink's own {@code avro-confluent}: {@code 'known-schemas.<id>' = '<schema>'}. */
    static final ConfigOption<Map<String, String>> KNOWN_SCHEMAS = ConfigOptions.key("known-schemas")
            .mapType()
            .defaultValue(Map.of())
            .withDescription("Schemas that the registry has, by id. They are not looked up. A registry that does not"
                    + " have the newest of them is unavailable.");

    /** Options of {@code json}. */
    static final ConfigOption<JsonTimes.Format> TIMES = ConfigOptions.key("times")
            .enumType(JsonTimes.Format.class)
            .defaultValue(JsonTimes.Format.ISO_8601)
            .withDescription("How TIMESTAMP and TIMESTAMP_LTZ are written.");

    static final ConfigOption<Map<String, String>> TIMES_BY_COLUMN = ConfigOptions.key("times-by-column")
            .mapType()
            .defaultValue(Map.of())
            .withDescription("The same for single columns: 'times-by-column.<name>' = 'epoch-millis'.");

    /** These read on from one record into the next after a bad one, so cannot be wrapped. */
    private static final Set<String> BUFFERING = Set.of("avro", "debezium-avro-confluent");

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(INNER_FORMAT);
    }

    /** With a map option for each format on the class path: a format has to name its options. */
    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        Set<ConfigOption<?>> options = new HashSet<>(Set.of(REQUIRED, RETRY_TIMEOUT));
        ClassLoader classLoader = Thread.currentThread().getContextClassLoader();
        Iterator<Factory> factories =
                ServiceLoader.load(Factory.class, classLoader).iterator();
        while (true) {
            try {
                if (!factories.hasNext()) {
                    return options;
                }
                Factory factory = factories.next();
                if (factory instanceof DeserializationFormatFactory && !(factory instanceof DeadLetterFormatFactory)) {
                    options.add(ConfigOptions.key(factory.factoryIdentifier())
                            .mapType()
                            .noDefaultValue());
                }
            } catch (ServiceConfigurationError | NoClassDefFoundError e) {
                continue; // a connector whose own dependencies are absent: as Flink does
            }
        }
    }

    @Override
    public DecodingFormat<DeserializationSchema<RowData>> createDecodingFormat(
            DynamicTableFactory.Context context, ReadableConfig options) {
        FactoryUtil.validateFactoryOptions(this, options);
        String name = options.get(INNER_FORMAT);
        Configuration inner = new DelegatingConfiguration((Configuration) options, name + ".");
        if (BUFFERING.contains(name)) {
            throw new ValidationException(String.format("Format '%s' cannot be wrapped by '%s'.", name, IDENTIFIER));
        }
        DecodingFormat<DeserializationSchema<RowData>> decoding =
                switch (name) {
                    case RegistryAvroFormatFactory.IDENTIFIER -> avroConfluent(inner, options.get(RETRY_TIMEOUT));
                    case JsonFormatFactory.IDENTIFIER -> json(inner);
                    default -> other(name, context, inner);
                };
        return new DeadLetterFormat(
                decoding, name, options.getOptional(REQUIRED).orElse(List.of()));
    }

    private static DecodingFormat<DeserializationSchema<RowData>> avroConfluent(
            Configuration options, Duration retryTimeout) {
        RegistryAvroFormatFactory flinks = new RegistryAvroFormatFactory();
        Set<ConfigOption<?>> optional = new HashSet<>(flinks.optionalOptions());
        optional.add(AvroFormatOptions.AVRO_TIMESTAMP_LEGACY_MAPPING);
        optional.add(KNOWN_SCHEMAS);
        validate(flinks.factoryIdentifier(), options, flinks.requiredOptions(), optional);

        Map<String, String> properties = RegistryAvroFormatFactory.buildOptionalPropertiesMap(options);
        RegistrySchemas registry = new RegistrySchemas(
                options.get(AvroConfluentFormatOptions.URL),
                properties == null ? Map.of() : properties,
                knownSchemas(options),
                retryTimeout);
        return insertOnly((columns, type) -> new AvroConfluentSchema(
                columns,
                options.get(AvroConfluentFormatOptions.SCHEMA),
                options.get(AvroFormatOptions.AVRO_TIMESTAMP_LEGACY_MAPPING),
                registry,
                type));
    }

    private static Map<Integer, String> knownSchemas(Configuration options) {
        Map<Integer, String> known = new HashMap<>();
        options.get(KNOWN_SCHEMAS).forEach((id, schema) -> {
            try {
                known.put(Integer.valueOf(id), schema);
                new Schema.Parser().setValidateDefaults(false).parse(schema);
            } catch (NumberFormatException | SchemaParseException e) {
                throw new ValidationException(
                        String.format("Option 'known-schemas.%s' is not an Avro schema by its id.", id), e);
            }
        });
        return known;
    }

    private static DecodingFormat<DeserializationSchema<RowData>> json(Configuration options) {
        validate(JsonFormatFactory.IDENTIFIER, options, Set.of(), Set.of(TIMES, TIMES_BY_COLUMN));
        Map<String, JsonTimes.Format> byColumn = new HashMap<>();
        options.get(TIMES_BY_COLUMN)
                .forEach((column, times) -> byColumn.put(
                        column,
                        Configuration.fromMap(Map.of(TIMES.key(), times)).get(TIMES)));
        return insertOnly((columns, type) -> {
            byColumn.keySet().forEach(column -> refuseUnknown(TIMES_BY_COLUMN, column, columns.getFieldNames()));
            return new JsonSchema(columns, byColumn, options.get(TIMES), type);
        });
    }

    /** Refuses an option that names a column which the table lacks. */
    static void refuseUnknown(ConfigOption<?> option, String column, List<String> columns) {
        if (!columns.contains(column)) {
            throw new ValidationException(String.format(
                    "Option '%s' names '%s', expected columns of: %s.",
                    option.key(), column, String.join(", ", columns)));
        }
    }

    private static DecodingFormat<DeserializationSchema<RowData>> other(
            String name, DynamicTableFactory.Context context, Configuration options) {
        DeserializationFormatFactory factory =
                FactoryUtil.discoverFactory(context.getClassLoader(), DeserializationFormatFactory.class, name);
        validate(name, options, factory.requiredOptions(), factory.optionalOptions());
        return factory.createDecodingFormat(context, options);
    }

    private static DecodingFormat<DeserializationSchema<RowData>> insertOnly(
            BiFunction<RowType, TypeInformation<RowData>, DeserializationSchema<RowData>> decoder) {
        return new DecodingFormat<>() {
            @Override
            public DeserializationSchema<RowData> createRuntimeDecoder(
                    DynamicTableSource.Context context, DataType columns) {
                return decoder.apply((RowType) columns.getLogicalType(), context.createTypeInformation(columns));
            }

            @Override
            public ChangelogMode getChangelogMode() {
                return ChangelogMode.insertOnly();
            }
        };
    }

    private static void validate(
            String name, Configuration options, Set<ConfigOption<?>> required, Set<ConfigOption<?>> optional) {
        Set<ConfigOption<?>> known = new HashSet<>(required);
        known.addAll(optional);
        FactoryUtil.validateFactoryOptions(required, known, options);
        Set<String> consumed = options.keySet().stream()
                .filter(key -> known.stream().anyMatch(option -> names(option, key)))
                .collect(Collectors.toSet());
        known.forEach(option -> consumed.add(option.key())); // the message lists what there is
        FactoryUtil.validateUnconsumedKeys(name, options.keySet(), consumed);
    }

    private static boolean names(ConfigOption<?> option, String key) {
        Stream<String> fallbacks =
                StreamSupport.stream(option.fallbackKeys().spliterator(), false).map(FallbackKey::getKey);
        return Stream.concat(Stream.of(option.key()), fallbacks)
                .anyMatch(name -> key.equals(name)
                        || ConfigurationUtils.canBePrefixMap(option)
                                && ConfigurationUtils.filterPrefixMapKey(name, key));
    }
}
