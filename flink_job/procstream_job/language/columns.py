"""Columns that every source table has, and that every lake has."""

LINEAGE_COLUMNS = {"kafka_topic": "STRING", "kafka_partition": "INT", "kafka_offset": "BIGINT"}
"""Where a row came from, with SQL types: the last columns of every row in a lake."""

METADATA_COLUMNS = {**LINEAGE_COLUMNS, "kafka_timestamp": "TIMESTAMP_LTZ(3)"}
"""What every source table has beside the record's own columns."""

METADATA_KEYS = {
    "kafka_topic": "topic",
    "kafka_partition": "partition",
    "kafka_offset": "offset",
    "kafka_timestamp": "timestamp",
}
"""The keys of Flink's Kafka connector that these columns are read from."""

EVENT_TIME = "event_time"
"""An additional column of a source with an event time: the time by which its windows close."""

PROCESSING_TIME = "processing_time"
"""An additional column of a source with `processing_time`."""

CHECKPOINT_COLUMN = "checkpoint_id"
"""Appended by the lake sink itself."""
