"""kopf's handlers. Importing this package registers them."""

from procstream_operator.handlers import indices, lifecycle, producers, schemas, topics

__all__ = ["indices", "lifecycle", "producers", "schemas", "topics"]
