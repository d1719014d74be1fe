package io.procstream.flink.deadletter;

import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.table.data.RowData;

/**
 * A decoder that throws {@link BadRecordException} for what is the record's fault, and can go on with the next one.
 * Anything else it throws is not the record's fault, and fails the job.
 */
interface JudgingSchema extends DeserializationSchema<RowData> {
    @Override
    default boolean isEndOfStream(RowData row) {
        return false;
    }
}
