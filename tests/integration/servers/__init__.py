"""Real servers that the tests need besides the embedded stack."""
