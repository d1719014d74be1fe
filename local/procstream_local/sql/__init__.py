"""Flink SQL over topics: a gateway's sessions, and Flink's client on it."""
