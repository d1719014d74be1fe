"""Columns that every source table has, and that every lake has."""

LINEAGE_COLUMNS = {"kafka_topic": "STRING", "kafka_partition": "INT", "kafka_offset": "BIGINT"}
"""Where a row came from, with SQL types: the last columns of every row in a lake."""

METADATA_COLUMNS = {**LINEAGE_COLUMNS, "kafka_timestamp": "TIMESTAMP_LTZ(3)"}
"""What every source table has beside the record's own columns."""

EVENT_TIME = "event_time"
"""What a source with an event time has more: the time by which its windows close."""

PROCESSING_TIME = "processing_time"
"""What a source with `processing_time` has more."""

CHECKPOINT_COLUMN = "checkpoint_id"
"""Appended by the lake sink itself."""
