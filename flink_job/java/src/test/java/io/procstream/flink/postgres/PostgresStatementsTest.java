package io.procstream.flink.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PostgresStatementsTest {
    private static PostgresStatements statements(int... key) {
        return new PostgresStatements("\"events\"", List.of("id", "a \"b\""), key);
    }

    @Test
    void withoutAKeyRowsAreAppended() {
        assertThat(statements().insert()).isEqualTo("INSERT INTO \"events\" (\"id\", \"a \"\"b\"\"\") VALUES (?, ?)");
        assertThat(statements().isUpsert()).isFalse();
    }

    @Test
    void withAKeyARowReplacesTheOneThatHasIt() {
        assertThat(statements(0).insert())
                .endsWith(" ON CONFLICT (\"id\") DO UPDATE SET \"a \"\"b\"\"\" = EXCLUDED.\"a \"\"b\"\"\"");
        assertThat(statements(0).delete()).isEqualTo("DELETE FROM \"events\" WHERE \"id\" = ?");
    }

    @Test
    void aRowThatIsAllKeyIsLeftAsItIs() {
        assertThat(statements(0, 1).insert()).endsWith(" ON CONFLICT (\"id\", \"a \"\"b\"\"\") DO NOTHING");
    }
}
