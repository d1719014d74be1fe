"""Writes the file of the SQL catalog's tables, from what the cluster has now."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from procstream_common.errors import NotFoundError, ProcstreamError
from procstream_common.kafka import KafkaCluster
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from pydantic import BaseModel, ConfigDict

from procstream_job.file.model import Pipeline
from procstream_job.file.reading import load_pipeline, shipped_pipelines
from procstream_job.language.subject_schema import SubjectSchema
from procstream_job.topics.sample import sample_topics
from procstream_job.topics.sql_catalog.topic_tables import Topic, catalog, declarations, needs_sample

_SAMPLE_RECORDS = 100
_SAMPLE_SECONDS = 5.0
_KAFKA_SECONDS = 5.0


class RunningPipeline(BaseModel):
    """A pipeline whose declared columns win over those of the pipelines that ship."""

    model_config = ConfigDict(extra="forbid")

    source: str
    """Name of a shipped pipeline or path of a file."""
    env: dict[str, str] = {}
    """Variables that it is run with."""


def document(running: Iterable[RunningPipeline], env: Mapping[str, str]) -> dict[str, Any]:
    """What the catalog `procstream-topics` reads: tables of all topics but internal ones.

    `env` has the settings of Kafka and the registry. Raises `ProcstreamError` when one is unavailable.
    """
    kafka, registry = load(KafkaSettings, env), load(RegistrySettings, env)
    cluster = KafkaCluster(kafka, timeout=_KAFKA_SECONDS)
    # Kafka's own topics and those of its tools begin with an underscore.
    names = sorted(name for name in cluster.topics() if not name.startswith("_"))
    schemas = _schemas(names, registry)
    declared = declarations(_pipelines(running, env))
    topics = [Topic(name, schemas.get(name), declared.get(name)) for name in names]
    unknown = [topic.name for topic in topics if needs_sample(topic)]
    samples = sample_topics(cluster, unknown, _SAMPLE_RECORDS, _SAMPLE_SECONDS)
    topics = [
        replace(topic, sample=samples[topic.name].values) if topic.name in samples else topic
        for topic in topics
    ]
    return catalog(topics, kafka.java(shaded=True), registry.java())


def update(file: Path, tables: Mapping[str, Any]) -> bool:
    """Replace the content of `file` atomically, readable for its owner alone; whether it has changed."""
    text = json.dumps(tables, indent=2)
    if file.exists() and file.read_text() == text:
        return False
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)  # the options may hold passwords
    new.write_text(text)
    new.replace(file)
    return True


def _schemas(topics: Iterable[str], registry: RegistrySettings) -> dict[str, SubjectSchema]:
    found = {}
    with SchemaRegistry(registry) as client:
        for topic in topics:
            try:
                latest = client.latest(f"{topic}-value")
            except NotFoundError:
                continue
            known = {latest.id: latest.schema_text} if latest.is_avro_alone else {}
            found[topic] = SubjectSchema(latest.schema_text, known)
    return found


def _pipelines(running: Iterable[RunningPipeline], env: Mapping[str, str]) -> Iterator[Pipeline]:
    for pipeline in (*running, *(RunningPipeline(source=name) for name in shipped_pipelines())):
        try:
            yield load_pipeline(pipeline.source, {**env, **pipeline.env})
        except ProcstreamError:  # a file that is missing or invalid declares nothing
            continue
