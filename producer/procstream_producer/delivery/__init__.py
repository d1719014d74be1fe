"""From records to a Kafka topic: in order, bounded, and with a count of everything that is lost."""
