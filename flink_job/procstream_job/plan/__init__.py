"""From a pipeline and the columns of its topics to Flink SQL and configuration. Pure."""
