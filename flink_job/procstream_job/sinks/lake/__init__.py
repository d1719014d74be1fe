"""Parquet files with a commit log."""
