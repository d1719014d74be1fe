"""Formats of the records in a source topic: a folder for each, and the list in `source`."""
