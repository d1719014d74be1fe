"""Sampling a node's `/proc/stat` into a topic."""
