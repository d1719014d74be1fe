"""A topic as a Flink SQL table that is written, in transactions or without."""

from collections.abc import Mapping, Sequence

from procstream_job.formats.json.writing import json_key
from procstream_job.language import sql
from procstream_job.language.mistakes import PlacedError, did_you_mean
from procstream_job.language.sql import Column
from procstream_job.sinks.kind import declared

# The longest that a broker allows by default (transaction.max.timeout.ms); Flink's own default is an hour,
# which such a broker refuses. It has to cover a checkpoint interval and a recovery.
_TRANSACTION_TIMEOUT_MS = "900000"


class KafkaSinkError(PlacedError):
    """A query's result cannot go to a topic."""


def key_columns(result: Sequence[Column], key: Sequence[str], place: str) -> tuple[Column, ...]:
    """The columns of a record's key.

    Raises:
        KafkaSinkError: the query's result lacks one.
    """
    by_name = {column.name: column for column in result}
    for name in key:
        if name not in by_name:
            raise KafkaSinkError(
                f"{place}.key: column {name!r} is not in the query's result{did_you_mean(name, by_name)}"
                f" expected some of: {', '.join(by_name)}"
            )
    return tuple(by_name[name] for name in key)


def matching_columns(
    result: Sequence[Column], schema: Sequence[Column], subject: str, place: str
) -> tuple[Column, ...]:
    """The columns of an Avro schema, of which a query's result must have each, and no other.

    Raises:
        KafkaSinkError: their names differ.
    """
    found, wanted = {column.name for column in result}, {column.name for column in schema}
    if missing := [column.name for column in schema if column.name not in found]:
        raise KafkaSinkError(f"{place}: the query's result lacks {', '.join(missing)}, which {subject} has")
    if extra := [column.name for column in result if column.name not in wanted]:
        raise KafkaSinkError(
            f"{place}: the query's result has {', '.join(extra)}, which {subject} lacks;"
            f" expected {', '.join(column.name for column in schema)}"
        )
    return tuple(schema)


def client_id(pipeline: str, role: str) -> str:
    """Names the producers of a table; `role` distinguishes it from the pipeline's other tables."""
    return f"procstream.{pipeline}.{role}"


def kafka_table(
    table: str,
    columns: Sequence[Column],
    topic: str,
    value: Mapping[str, str],
    *,
    kafka: Mapping[str, str],
    client_id: str,
    key: Sequence[Column] = (),
    exactly_once: bool = True,
    producer: Mapping[str, str] | None = None,
) -> str:
    """CREATE TABLE of a topic. `table` is in SQL, `value` has the options of the value's format.

    `kafka` has the properties of a Kafka Java client, `producer` those that win over them. `client_id` names
    the producers and begins the ids of their transactions (KIP-98).
    """
    options = {
        "connector": "kafka",
        "topic": topic,
        **{f"properties.{name}": text for name, text in kafka.items()},
        "properties.client.id": client_id,
        **(_transactions(client_id) if exactly_once else {"sink.delivery-guarantee": "at-least-once"}),
        **{f"properties.{name}": text for name, text in (producer or {}).items()},
        **_key(key),
        **value,
    }
    return sql.create_table(table, declared(columns), options)


def _transactions(client_id: str) -> dict[str, str]:
    return {
        "sink.delivery-guarantee": "exactly-once",
        # Ids are used again, and a job that starts aborts what an earlier one left open, which it finds by
        # the prefix. The dot ends it: names have none, so it is never the beginning of another job's.
        "sink.transaction-naming-strategy": "pooling",
        "sink.transactional-id-prefix": f"{client_id}.",
        "properties.transaction.timeout.ms": _TRANSACTION_TIMEOUT_MS,
    }


def _key(key: Sequence[Column]) -> dict[str, str]:
    if not key:
        return {}
    is_text = len(key) == 1 and key[0].type.startswith(("STRING", "VARCHAR", "CHAR"))
    fields = ";".join(column.name for column in key)
    return {"key.fields": fields, **({"key.format": "raw"} if is_text else json_key())}
