"""A pipeline file becomes a Flink job."""
