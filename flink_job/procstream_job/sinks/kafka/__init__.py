"""A Kafka topic."""
