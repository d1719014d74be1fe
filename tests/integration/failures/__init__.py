"""What is killed, stopped or taken away while records flow."""
