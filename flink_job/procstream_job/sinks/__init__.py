"""Kinds of sink: a folder for each, and the list in `sink`."""
