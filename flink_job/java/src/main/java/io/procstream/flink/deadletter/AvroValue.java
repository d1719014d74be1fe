package io.procstream.flink.deadletter;

import java.io.IOException;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;

/** Reads one value as its writer wrote it, and returns it in the form in which Flink holds it. */
@FunctionalInterface
interface AvroValue {
    /**
     * Reads the value; the decoder is then behind it.
     *
     * @throws java.io.EOFException if the record ends before the value does
     * @throws BadValueException if the column cannot hold the value
     */
    Object read(BinaryDecoder in) throws IOException;
}
