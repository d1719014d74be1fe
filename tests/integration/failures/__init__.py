"""Services are killed, stopped or unreachable while records flow."""
