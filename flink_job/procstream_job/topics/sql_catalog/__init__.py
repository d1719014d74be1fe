"""Topics as tables of Flink SQL: what the file of the catalog `procstream-topics` is made of."""
