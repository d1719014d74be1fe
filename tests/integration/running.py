"""Pipelines of a test's own on the embedded stack, with checkpoints every second."""

import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from procstream_common.lake import LakePaths
from procstream_job.file.reading import load_pipeline
from procstream_job.plan.needs import pipeline_needs
from procstream_lineage import Report, verify_pipeline
from procstream_local import pipelines
from procstream_local.stack.home import Home

from tests.integration.topics import PROCSTAT, MakeTopic
from tests.integration.waiting import until

_ENDED = {None, "CANCELED", "FAILED", "FINISHED"}


@dataclass(frozen=True)
class RunningPipeline:
    """A pipeline that was submitted; its job may be another one after a restart of the JobManager."""

    home: Home
    name: str
    topic: str
    source: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables with the place of its lake; commands about it need them too."""

    @property
    def paths(self) -> LakePaths:
        return LakePaths.of(self.name, {**os.environ, **self.env})

    @property
    def job_id(self) -> str:
        return self.home.read().pipelines[self.name].job_id

    @property
    def state(self) -> str | None:
        """Flink's state of the job, e.g. `RUNNING`."""
        return pipelines.job_state(self.home.read(), self.job_id)

    def verify(self, *, wait: float = 120, **options: Any) -> Report:
        """See `verify_pipeline`; waits until all records that the topic has now are committed."""
        return verify_pipeline(str(self.source), paths=self.paths, wait=wait, **options)

    def cancel(self) -> None:
        """End the job, and return when it has ended and its slots are free; harmless if repeated."""
        if self.state not in _ENDED:
            pipelines.cancel(self.home, self.name)
            until(lambda: self.state in _ENDED, f"job {self.job_id} of {self.name} cancelled", timeout=30)

    def run_again(self, *, fresh: bool = False) -> None:
        """Submit it again; see `procstream_local.pipelines.run`."""
        pipelines.run(self.home, str(self.source), env=self.env, fresh=fresh)


RunPipeline = Callable[..., RunningPipeline]


@pytest.fixture(scope="module")
def run_pipeline(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPipeline]:
    """`run_pipeline(topic, env=…, modules=…, **fields of the file)`: a pipeline named after its topic.

    `modules` are files with Python functions beside it. Jobs that still run at the end of the module are
    cancelled. The stack has slots for two at a time.
    """
    started: list[RunningPipeline] = []

    def run(
        topic: str,
        env: Mapping[str, str] | None = None,
        modules: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> RunningPipeline:
        document = {
            "name": topic,
            "sources": {"records": {"topic": topic, "format": "avro"}},
            "sink": {"lake": {"time": "timestamp"}},
            "flink": {"parallelism": 2, "checkpoint_interval": "1 s"},
            **fields,
        }
        source = tmp_path_factory.mktemp("pipeline") / f"{document['name']}.yaml"
        source.write_text(yaml.safe_dump(document, sort_keys=False))
        for name, code in (modules or {}).items():
            (source.parent / name).write_text(code)
        pipeline = RunningPipeline(home, document["name"], topic, source, dict(env or {}))
        pipelines.run(home, str(source), env=pipeline.env)
        started.append(pipeline)
        return pipeline

    yield run
    for pipeline in started:
        pipeline.cancel()


@dataclass(frozen=True)
class ShippedPipeline:
    """A shipped pipeline that was submitted with topics, a name and a table of a test's own."""

    running: RunningPipeline
    topics: Mapping[str, str]
    """The test's topic for each that the shipped file names."""
    table: str | None

    @property
    def source(self) -> str:
        """The topic that it reads."""
        return self.running.topic


RunShipped = Callable[..., ShippedPipeline]


@pytest.fixture(scope="module")
def run_shipped(make_topic: MakeTopic, run_pipeline: RunPipeline) -> RunShipped:
    """`run_shipped(name, partitions=4, **fields)`: a shipped pipeline, some of its fields replaced."""

    def run(name: str, partitions: int = 4, **fields: Any) -> ShippedPipeline:
        pipeline = load_pipeline(name, {})
        text = (files("procstream_job") / "pipelines" / f"{name}.yaml").read_text()
        schema_text = PROCSTAT if "procstat_snapshots" in text else None
        topics = {
            need.name: make_topic(need.name, partitions, schema_text)
            for need in pipeline_needs(pipeline).topics
        }
        for topic, own in topics.items():
            text = re.sub(rf"\btopic: {topic}\b(?!-)", f"topic: {own}", text)
        source = topics[next(iter(pipeline.sources.values())).topic]
        document = {**yaml.safe_load(text), "name": f"{name}-{uuid.uuid4().hex[:4]}", **fields}
        table = None
        if (document.get("sink") or {}).get("postgres"):
            table = document["sink"]["postgres"]["table"] = f"t_{uuid.uuid4().hex[:8]}"
        flink = {"parallelism": 1, "checkpoint_interval": "1 s"}
        running = run_pipeline(source, **{"sink": None, "flink": flink, **document})
        return ShippedPipeline(running, topics, table)

    return run


def s3_lake(name: str) -> dict[str, str]:
    """Variables that put a pipeline's lake into the bucket of the S3 server."""
    return {
        "OUTPUT_PATH": f"s3://lake/{name}/output",
        "WRITE_AHEAD_COMMIT_LOG_PATH": f"s3://lake/{name}/write-ahead-commit-log",
        "DROPPED_PATH": f"s3://lake/{name}/dropped",
    }
