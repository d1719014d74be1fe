"""The embedded stack: Kafka, the schema registry and Flink as processes of one machine."""
