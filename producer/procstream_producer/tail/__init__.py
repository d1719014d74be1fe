"""Reading a topic as JSON lines."""
