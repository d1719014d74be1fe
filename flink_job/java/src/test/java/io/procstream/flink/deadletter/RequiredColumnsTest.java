package io.procstream.flink.deadletter;

import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.apache.flink.table.api.DataTypes.DOUBLE;
import static org.apache.flink.table.api.DataTypes.STRING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecordBuilder;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequiredColumnsTest {
    private static final DataType TABLE =
            Decoder.row("id", BIGINT(), "amount", DOUBLE(), "user", Decoder.row("name", STRING()));

    private static byte[] json(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"id\": 1}                                | MISSING_FIELD: amount is missing or null",
                "{\"id\": 1, \"amount\": null, \"user\": {}}  | MISSING_FIELD: amount is missing or null",
                "{\"amount\": 1, \"user\": null}             | MISSING_FIELD: user is missing or null",
                "{}                                       | MISSING_FIELD: amount is missing or null",
                "{\"amount\": \"x\"}                         | UNDECODABLE: .*",
            })
    void aRecordWithoutARequiredColumnIsALetter(String text, String error) throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json", "required", "amount;user");
        assertThat(decoder.error(json(text))).matches(error);
        assertThat(decoder.deadLetters()).isEqualTo(1);
    }

    @Test
    void anyOtherColumnMayBeAbsentAndARowMayBeOfNulls() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json", "required", "amount;user");
        assertThat(decoder.row(json("{\"amount\": 0, \"user\": {}}")).isNullAt(3))
                .isTrue();
        assertThat(decoder.deadLetters()).isZero();
    }

    @Test
    void itHoldsIfTheTableReadsNeitherErrorNorRaw() throws Exception {
        Decoder decoder = Decoder.of(List.of(), TABLE, "format", "json", "required", "id");
        assertThat(decoder.row(json("{\"amount\": 5}")).isNullAt(1)).isTrue();
        assertThat(decoder.deadLetters()).isEqualTo(1);
    }

    @Test
    void itHoldsForAvro() throws Exception {
        Schema writer = AvroRecords.parse(
                """
                {"type": "record", "name": "Event", "fields": [
                  {"name": "id", "type": "long"},
                  {"name": "amount", "type": ["null", "double"], "default": null}]}""");
        try (StubRegistry registry = new StubRegistry()) {
            registry.register(7, writer.toString());
            String[] options = {
                "format", "avro-confluent", "avro-confluent.url", registry.url(), "required", "id;amount"
            };
            Decoder decoder = Decoder.of(Decoder.row("id", BIGINT(), "amount", DOUBLE()), options);
            GenericRecordBuilder event = new GenericRecordBuilder(writer).set("id", 3L);
            assertThat(decoder.error(AvroRecords.encode(7, writer, event.build())))
                    .isEqualTo("MISSING_FIELD: amount is missing or null");
            assertThat(decoder.row(AvroRecords.encode(
                                    7, writer, event.set("amount", 2.5).build()))
                            .getDouble(1))
                    .isEqualTo(2.5);
        }
    }

    @Test
    void anUnknownColumnIsRefused() {
        assertThatThrownBy(() -> Decoder.of(TABLE, "format", "json", "required", "id;amonut"))
                .isInstanceOf(ValidationException.class)
                .hasMessage("Option 'required' names 'amonut', expected columns of: id, amount, user.");
    }
}
