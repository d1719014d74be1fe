"""The topics and the lake of a command: those of a pipeline, or those of its options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from procstream_common.errors import ProcstreamError
from procstream_common.lake import LakePaths
from procstream_job.file.reading import load_pipeline, shipped_pipelines

DEFAULT_PIPELINE = "lineage"
"""The pipeline of a command that names neither a pipeline nor paths."""


@dataclass(frozen=True)
class Place:
    """A folder of data files and the folder of its commit log, each local or `s3://…`."""

    data: str
    log: str


@dataclass(frozen=True)
class Lake:
    """The output of a pipeline, and the place of the records that it could not decode."""

    output: Place
    dropped: Place | None = None

    @classmethod
    def of(cls, paths: LakePaths) -> "Lake":
        """The lake at these paths; `dropped` may be empty."""
        dropped = Place(paths.dropped, paths.dropped_commit_log) if paths.dropped else None
        return cls(Place(paths.output, paths.commit_log), dropped)

    @property
    def places(self) -> dict[str, Place]:
        """The places by name: `output` and, if set, `dropped`."""
        return {"output": self.output} | ({"dropped": self.dropped} if self.dropped else {})


@dataclass(frozen=True)
class Target:
    """The topics and the lake to verify.

    `from_latest`: the pipeline starts at the latest records. `selects`: the pipeline has its own query, which
    may omit records.
    """

    lake: Lake
    topics: Sequence[str] = ()
    from_latest: bool = False
    selects: bool = False


def pipeline_target(name_or_path: str, env: Mapping[str, str]) -> Target:
    """Topics and lake of a pipeline file. Raises ProcstreamError if it is absent or has mistakes."""
    pipeline = load_pipeline(name_or_path, env)
    if pipeline.lake is None:
        raise ProcstreamError(
            f"pipeline {pipeline.name} writes no lake; expected one with sink.lake, which is needed to verify"
        )
    paths = pipeline.lake_paths(env)
    return Target(
        lake=Lake(
            output=Place(paths.output, paths.commit_log),
            dropped=Place(paths.dropped, pipeline.dropped_commit_log(env)),
        ),
        topics=sorted({source.topic for source in pipeline.sources.values()}),
        from_latest=any(source.start == "latest" for source in pipeline.sources.values()),
        selects=pipeline.query is not None,
    )


def find_target(
    name_or_path: str | None,
    env: Mapping[str, str],
    *,
    topics: Sequence[str] = (),
    output: str | None = None,
    commit_log: str | None = None,
    dropped: str | None = None,
) -> Target:
    """A pipeline's target, by default that of `DEFAULT_PIPELINE`, with the given parts replaced.

    Without a pipeline, but with an output and a commit log, the target has only the given parts. Raises
    ProcstreamError if only one of the two is given.
    """
    if name_or_path is None and (output or commit_log):
        if not output or not commit_log:
            given, wanted = ("--output", "--commit-log") if output else ("--commit-log", "--output")
            raise ProcstreamError(f"found {given} without {wanted} and no pipeline, expected both")
        lake = Lake(Place(output.rstrip("/"), commit_log.rstrip("/")), _dropped(dropped) if dropped else None)
        return Target(lake, topics)
    found = pipeline_target(name_or_path or DEFAULT_PIPELINE, env)
    replaced = Lake(
        output=Place(output or found.lake.output.data, commit_log or found.lake.output.log),
        dropped=_dropped(dropped) if dropped else found.lake.dropped,
    )
    return replace(found, lake=replaced, topics=topics or found.topics)


def shipped_lakes(env: Mapping[str, str]) -> list[Lake]:
    """The lakes of all pipelines that ship."""
    with_lake = [name for name in shipped_pipelines() if load_pipeline(name, env).lake]
    return list(dict.fromkeys(pipeline_target(name, env).lake for name in with_lake))


def _dropped(path: str) -> Place:
    plain = path.rstrip("/")
    return Place(plain, LakePaths(output="", commit_log="", dropped=plain).dropped_commit_log)
