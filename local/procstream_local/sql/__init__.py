"""Flink SQL on topics: sessions of the SQL gateway, and Flink's own client."""
