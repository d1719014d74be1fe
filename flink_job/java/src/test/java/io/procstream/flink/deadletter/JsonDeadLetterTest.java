package io.procstream.flink.deadletter;

import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.apache.flink.table.api.DataTypes.STRING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.DataType;
import org.junit.jupiter.api.Test;

/** Any other format, here json. */
class JsonDeadLetterTest {
    private static final DataType TABLE = Decoder.row("id", BIGINT(), "name", STRING());

    private static byte[] json(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void goodDocumentsAmongBadOnesAreDecoded() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json");
        for (long id = 0; id < 10; id++) {
            assertThat(decoder.error(json("{\"id\": "))).startsWith("UNDECODABLE: JsonEOFException ");
            assertThat(decoder.error(json("no json"))).startsWith("UNDECODABLE: JsonParseException ");
            assertThat(decoder.error(json("{\"id\": \"x\"}"))).startsWith("UNDECODABLE: ");
            GenericRowData row = decoder.row(json("{\"id\": " + id + ", \"name\": \"n\"}"));
            assertThat(row.getLong(0)).isEqualTo(id);
            assertThat(row.isNullAt(2)).isTrue();
        }
        assertThat(decoder.deadLetters()).isEqualTo(30);
    }

    @Test
    void aTombstoneIsALetter() throws Exception {
        assertThat(Decoder.of(TABLE, "format", "json").error(null)).startsWith("TOMBSTONE: ");
    }

    @Test
    void anErrorIsOneLineOfLimitedLength() throws Exception {
        String error = Decoder.of(TABLE, "format", "json").error(json("\"" + "x\\n".repeat(5_000)));
        assertThat(error).hasSizeLessThan(600).doesNotContain("\n");
    }

    @Test
    void aRecordTheFormatDropsSilentlyIsALetter() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json", "json.ignore-parse-errors", "true");
        assertThat(decoder.error(json("no json"))).isEqualTo("UNDECODABLE: format 'json' made no row of it");
    }

    @Test
    void theFormatsOptionsAreChecked() {
        assertThatThrownBy(() -> Decoder.of(TABLE, "format", "json", "json.ignore-parse-error", "true"))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("Unsupported options found for 'json'")
                .hasMessageContaining("ignore-parse-error");
        assertThatThrownBy(() -> Decoder.of(TABLE, "format", "jason"))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("jason");
    }
}
