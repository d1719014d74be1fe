package io.procstream.flink.deadletter;

import java.io.IOException;

/** Reads one value of a JSON record, and returns it in the form in which Flink holds it. */
@FunctionalInterface
interface JsonValue {
    /**
     * Reads the value at whose first token the parser is; it is then at the value's last token. The value is not null.
     *
     * @throws BadValueException if the column cannot hold the value; the parser may be anywhere in it
     */
    Object read(JsonInput in) throws IOException;
}
