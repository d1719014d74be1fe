"""`procstream pipeline init`: reads some of a topic, writes a pipeline file to start from."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from procstream_common.errors import NotFoundError, ProcstreamError
from procstream_common.kafka import KafkaCluster
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from pydantic import TypeAdapter, ValidationError

from procstream_job.file.reading import shipped_pipelines
from procstream_job.language.field_types import JobName, Topic
from procstream_job.topics.contents import TopicContents, avro_contents, json_contents
from procstream_job.topics.sample import check_topic, sample_records
from procstream_job.topics.starting_file import default_name, starting_file, starting_sink

STDOUT = "-"
_KAFKA_SECONDS = 5.0
_SCHEMA = Path(__file__).parents[3] / "docs" / "pipeline.schema.json"


def init(topic: str, name: str | None, sink: str, output: str | None, records: int, *, force: bool) -> None:
    """Write the file and print its path; see `procstream pipeline init --help`.

    Raises:
        ProcstreamError: the file exists, or the columns of the topic cannot be inferred.
    """
    _check("--topic", Topic, topic)
    name = _name(name, topic)
    output = output or f"{name}.yaml"
    path = None if output == STDOUT else Path(output)
    if path is not None and path.exists() and not force:
        raise ProcstreamError(f"--output: {path} exists; expected another path, or --force")
    contents = _contents(topic, records, os.environ)
    text = starting_file(name, contents, sink, _schema_path(path))
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text)
    except OSError as error:
        raise ProcstreamError(f"--output: {path}: {error.strerror}; expected a path to write to") from None
    print(f"{path}: pipeline {name}, {len(contents.columns)} columns from {contents.origin}")
    if note := starting_sink(name, contents, sink).note:
        print(note)
    print(f"next: procstream pipeline run {_as_argument(path)}")


def _name(name: str | None, topic: str) -> str:
    shipped = frozenset(shipped_pipelines())
    if name is None:
        return default_name(topic, shipped)
    _check("--name", JobName, name)
    if name in shipped:
        raise ProcstreamError(f"--name: a shipped pipeline is called {name}; expected another name")
    return name


def _check(option: str, kind: Any, value: str) -> None:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ProcstreamError(f"{option}: {error.errors()[0]['ctx']['error']}") from None


def _contents(topic: str, records: int, env: Mapping[str, str]) -> TopicContents:
    cluster = KafkaCluster(load(KafkaSettings, env), timeout=_KAFKA_SECONDS)
    check_topic(cluster, topic)
    # JSON needs no registry: without one, its URL is not set.
    if env.get("SCHEMA_REGISTRY_URL"):
        subject = f"{topic}-value"
        try:
            with SchemaRegistry(load(RegistrySettings, env)) as registry:
                found = registry.latest(subject)
            return avro_contents(topic, subject, found.version, found.schema_text)
        except NotFoundError:
            pass
    return json_contents(topic, sample_records(cluster, topic, records))


def _schema_path(path: Path | None) -> str | None:
    """Where an editor finds the schema, from the file's folder; None where there is no checkout."""
    if not _SCHEMA.is_file():
        return None
    folder = Path.cwd() if path is None else path.absolute().parent
    return os.path.relpath(_SCHEMA, folder)


def _as_argument(path: Path) -> str:
    text = str(path)
    return text if "/" in text or path.suffix in (".yaml", ".yml") else f"./{text}"
