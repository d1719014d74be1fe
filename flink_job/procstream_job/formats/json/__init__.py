"""JSON objects, with columns that the pipeline file declares."""
