"""Avro in the Confluent wire format, with schemas from a registry."""
