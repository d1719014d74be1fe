"""Reading a pipeline file: YAML, `${NAME}` parameters, and every mistake with its place in the file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from procstream_common.errors import ProcstreamError
from procstream_common.lake import SINGLE_PATH_VARIABLES
from pydantic import ValidationError

from procstream_job.file.mistakes import mistakes
from procstream_job.file.model import Pipeline
from procstream_job.file.parameters import ParameterError, Parameters, references, substitute
from procstream_job.language.mistakes import did_you_mean

PER_PIPELINE_VARIABLES = ("KAFKA_TOPIC", *SINGLE_PATH_VARIABLES)
"""Environment variables that are for one pipeline; several would share a place."""


class PipelineError(ProcstreamError):
    """A pipeline file has mistakes; one line each, with the file and the place in it."""


@dataclass(frozen=True)
class PipelineFile:
    """A pipeline that was read, and where from."""

    label: str
    """What messages call the file: its path, or `<name>.yaml` for a pipeline that ships."""
    pipeline: Pipeline
    folder: Path | None = None
    """Where its Python functions may be; None for a pipeline that ships."""


@dataclass(frozen=True)
class PipelineSource:
    """The content of a pipeline file, whose parameters have no values yet."""

    label: str
    """What messages call the file."""
    document: Mapping[str, Any]
    folder: Path | None = None
    """Where its Python functions may be; None for a pipeline that ships."""

    @property
    def references(self) -> frozenset[str]:
        """Names of the environment variables that change the pipeline: `${NAME}`, and parameters."""
        declared = self.document.get("parameters")
        names = map(str, declared) if isinstance(declared, dict) else ()
        return references({**self.document, "parameters": None}).union(names)

    def resolve(self, env: Mapping[str, str]) -> PipelineFile:
        """The pipeline with the parameters that `env` sets. Raises `PipelineError` if it has mistakes."""
        return PipelineFile(self.label, _resolve(self.document, self.label, env), self.folder)


def open_pipeline(name_or_path: str) -> PipelineSource:
    """Read the file of a shipped pipeline (`lineage`) or of a path (`./mine.yaml`), once.

    Raises:
        PipelineError: there is no such file, or it is not a YAML mapping.
    """
    label, text = _read(name_or_path)
    return PipelineSource(label, _mapping(text, label), folder_of(name_or_path))


def read_pipeline(name_or_path: str, env: Mapping[str, str] | None = None) -> PipelineFile:
    """Read a pipeline: the name of a shipped one (`lineage`), or a path (`./mine.yaml`).

    `env` overrides the file's parameters; by default it is this process's environment.

    Raises:
        PipelineError: there is no such file, or it has mistakes.
    """
    return open_pipeline(name_or_path).resolve(os.environ if env is None else env)


def load_pipeline(name_or_path: str, env: Mapping[str, str] | None = None) -> Pipeline:
    """The pipeline of `read_pipeline`."""
    return read_pipeline(name_or_path, env).pipeline


def parse_pipeline(text: str, file: str, env: Mapping[str, str]) -> Pipeline:
    """Read a pipeline from the text of `file`; see `load_pipeline`."""
    return _resolve(_mapping(text, file), file, env)


def _resolve(document: Mapping[str, Any], file: str, env: Mapping[str, str]) -> Pipeline:
    try:
        parameters = Parameters.of(document.get("parameters"), env)
        resolved = {
            key: value if key == "parameters" else substitute(value, (key,), parameters)
            for key, value in document.items()
        }
        parameters.check()
        return Pipeline.model_validate(resolved)
    except ParameterError as error:
        raise PipelineError("\n".join(f"{file}: {mistake}" for mistake in error.mistakes)) from None
    except ValidationError as error:
        raise PipelineError(
            "\n".join(f"{file}: {mistake}" for mistake in mistakes(error, Pipeline))
        ) from None


def file_label(name_or_path: str) -> str:
    """How messages call the file: its path, or `<name>.yaml` for a shipped pipeline."""
    return name_or_path if _is_path(name_or_path) else f"{name_or_path}.yaml"


def folder_of(name_or_path: str) -> Path | None:
    """Folder of a pipeline file, where its Python functions may be; None for a shipped pipeline."""
    return Path(name_or_path).absolute().parent if _is_path(name_or_path) else None


def shipped_pipelines() -> dict[str, str]:
    """Names of the pipelines that ship, with their descriptions."""
    folder = files("procstream_job") / "pipelines"
    texts = {entry.name: entry.read_text() for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return {
        file.removesuffix(".yaml"): _mapping(text, file).get("description", "")
        for file, text in sorted(texts.items())
    }


def _is_path(name_or_path: str) -> bool:
    return "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))


def _read(name_or_path: str) -> tuple[str, str]:
    label = file_label(name_or_path)
    if not _is_path(name_or_path):
        shipped = files("procstream_job") / "pipelines" / label
        if shipped.is_file():
            return label, shipped.read_text()
        names = list(shipped_pipelines())
        raise PipelineError(
            f"no pipeline is named {name_or_path!r}{did_you_mean(name_or_path, names)}"
            f" expected one of {', '.join(names)}, or a path such as ./{label}"
        )
    try:
        return label, Path(name_or_path).read_text()
    except FileNotFoundError:
        raise PipelineError(f"{label}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"{label}: not readable: {error}") from None


def _mapping(text: str, file: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}: " if mark else ""
        raise PipelineError(f"{file}:{place or ' '}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise PipelineError(f"{file}: {str(error).splitlines()[0]}") from None
    if not isinstance(document, dict):
        found = "nothing" if document is None else f"a {type(document).__name__}"
        raise PipelineError(f"{file}: found {found}; expected a mapping with name, sources and sink")
    return {str(key): value for key, value in document.items()}


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML forbids a key twice in a mapping (1.2, section 3.2.1.3); PyYAML silently keeps the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
