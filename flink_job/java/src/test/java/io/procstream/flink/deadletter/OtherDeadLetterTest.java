package io.procstream.flink.deadletter;

import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.apache.flink.table.api.DataTypes.STRING;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Test;

/** A format that is wrapped as it is: each of its exceptions is the record's fault, and it may make several rows. */
class OtherDeadLetterTest {
    private static final DataType TABLE = Decoder.row("id", BIGINT(), "name", STRING());
    private static final String UPDATE =
            "{\"type\": \"UPDATE\", \"data\": [{\"id\": 1, \"name\": %s}], \"old\": [{\"id\": 0}]}";

    private static byte[] json(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void goodRecordsAmongBadOnesAreDecoded() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "canal-json");
        for (int i = 0; i < 3; i++) {
            assertThat(decoder.error(json("no json"))).startsWith("UNDECODABLE: JsonParseException ");
            List<GenericRowData> rows = decoder.decode(json(String.format(UPDATE, "\"n\"")));
            assertThat(rows)
                    .extracting(GenericRowData::getRowKind)
                    .containsExactly(RowKind.UPDATE_BEFORE, RowKind.UPDATE_AFTER);
        }
        assertThat(decoder.deadLetters()).isEqualTo(3);
    }

    @Test
    void aRecordTheFormatDropsSilentlyIsALetter() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "canal-json", "canal-json.ignore-parse-errors", "true");
        assertThat(decoder.error(json("no json"))).isEqualTo("UNDECODABLE: format 'canal-json' made no row of it");
    }

    @Test
    void aRecordIsOneLetterIfOneOfItsRowsLacksARequiredColumn() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "canal-json", "required", "name");
        assertThat(decoder.error(json(String.format(UPDATE, "null"))))
                .isEqualTo("MISSING_FIELD: name is missing or null");
        assertThat(decoder.deadLetters()).isEqualTo(1);
    }
}
