"""Looking at topics: samples, columns, a pipeline file to start from, and tables for Flink SQL."""
