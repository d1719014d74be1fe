"""The pipelines that ship, and what a pipeline file can do beside writing a lake."""
