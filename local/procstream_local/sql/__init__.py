"""Flink SQL over the topics of the embedded stack: their tables, Flink's gateway and its client."""
