"""The benchmarks behind the README's numbers."""
