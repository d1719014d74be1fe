"""What all rooms share: names of columns, Flink SQL text, types of single values, errors with a place."""
