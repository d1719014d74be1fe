"""The standard output of a TaskManager."""
