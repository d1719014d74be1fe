"""Topics as tables of Flink SQL: the file behind the catalog `procstream-topics`."""
