"""The file that the SQL catalog's tables are read from, written from what the cluster has now."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from procstream_common.errors import ProcstreamError
from procstream_common.registry import SchemaNotFound, SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_job import Pipeline, load_pipeline, shipped_pipelines
from procstream_job.preflight import topic_names

from procstream_local.home import PipelineRecord
from procstream_local.sql import samples
from procstream_local.sql.topic_tables import Topic, catalog, declarations, needs_sample


def write(file: Path, running: Iterable[PipelineRecord], env: Mapping[str, str]) -> int:
    """Replace `file` by tables for all topics but internal ones; returns how many.

    `running` are pipelines whose declared columns win over those of the pipelines that ship; `env` has the
    settings of Kafka and the registry. Raises `ProcstreamError` when one of them does not answer.
    """
    kafka, registry = load(KafkaSettings, env), load(RegistrySettings, env)
    # Kafka's own topics and those of its tools begin with an underscore.
    names = sorted(name for name in topic_names(kafka) if not name.startswith("_"))
    schemas = _schemas(names, registry)
    declared = declarations(_pipelines(running, env))
    topics = [Topic(name, schemas.get(name), declared.get(name)) for name in names]
    values = samples.newest(kafka, [topic.name for topic in topics if needs_sample(topic)])
    topics = [replace(topic, sample=values.get(topic.name, ())) for topic in topics]
    document = catalog(topics, kafka.java(shaded=True), registry.java())
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)  # the options may hold passwords
    new.write_text(json.dumps(document, indent=2))
    new.replace(file)
    return len(topics)


def _schemas(topics: Iterable[str], registry: RegistrySettings) -> dict[str, str]:
    found = {}
    with SchemaRegistry(registry) as client:
        for topic in topics:
            try:
                found[topic] = client.latest(f"{topic}-value").schema_text
            except SchemaNotFound:
                continue
    return found


def _pipelines(running: Iterable[PipelineRecord], env: Mapping[str, str]) -> Iterator[Pipeline]:
    sources = [(record.source, {**env, **record.variables}) for record in running]
    for source, variables in [*sources, *((name, env) for name in shipped_pipelines())]:
        try:
            yield load_pipeline(source, variables)
        except ProcstreamError:  # a file that is gone or broken by now declares nothing
            continue
