"""The `procstream` command: what the user types, and what is printed."""
