"""The chart as objects: what `helm template` renders from values."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "procstream"
RELEASE = "events"
NAMESPACE = "streams"
PREFIX = f"{RELEASE}-procstream"

Object = Mapping[str, Any]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RefusedError(Exception):
    """Helm's message about values that the chart does not accept."""


@dataclass(frozen=True)
class Rendered:
    """All objects of a release, those of `helm test` included."""

    text: str
    objects: tuple[Object, ...]

    def of(self, kind: str) -> dict[str, Object]:
        """Objects of a kind by their names, without the release's prefix."""
        return {
            one["metadata"]["name"].removeprefix(PREFIX).removeprefix("-"): one
            for one in self.objects
            if one["kind"] == kind
        }

    def components(self) -> set[str]:
        return {one["metadata"]["labels"]["app.kubernetes.io/component"] for one in self.objects}

    def templates(self) -> Iterator[tuple[str, Object]]:
        """The metadata and specification of everything that makes pods, and what it is called."""
        for one in self.objects:
            called = f"{one['kind']}/{one['metadata']['name']}"
            if one["kind"] == "Pod":
                yield called, one
            elif one["kind"] == "CronJob":
                yield called, one["spec"]["jobTemplate"]["spec"]["template"]
            elif "template" in one.get("spec", {}):
                yield called, one["spec"]["template"]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """The pod specification of everything that makes pods, and what it is called."""
        return ((called, template["spec"]) for called, template in self.templates())


@dataclass(frozen=True)
class Chart:
    """The chart, rendered by a helm."""

    helm: Path
    folder: Path
    """For files of values."""
    rendered: dict[tuple[str, ...], Rendered] = field(default_factory=dict)
    """What was rendered before: tests share it, and do not change it."""

    def render(
        self, values: Mapping[str, Any] | None = None, *files: str, release: str = RELEASE
    ) -> Rendered:
        """Render with the chart's own `files` of values, and then `values`. Raises `RefusedError`."""
        text = yaml.safe_dump(dict(values or {}))
        key = (text, *files, release)
        if key not in self.rendered:
            given = self.folder / "values.yaml"
            given.write_text(text)
            self.rendered[key] = self._render(release, *(CHART / file for file in files), given)
        return self.rendered[key]

    def _render(self, release: str, *files: Path) -> Rendered:
        text = self.run("template", release, str(CHART), *(f"--values={path}" for path in files))
        objects = [one for one in yaml.load_all(text, _Loader) if one]
        return Rendered(text, tuple(objects))

    def run(self, command: str, *arguments: str) -> str:
        """What helm prints. Raises `RefusedError`."""
        result = subprocess.run(
            [self.helm, command, *arguments, f"--namespace={NAMESPACE}", "--kube-version=1.34.0"],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise RefusedError(result.stderr + result.stdout)
        return result.stdout


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Variables that are given by their values."""
    return {one["name"]: one["value"] for one in container.get("env", ()) if "value" in one}


def references(container: Mapping[str, Any]) -> set[str]:
    """Names of the ConfigMaps and Secrets whose entries become variables."""
    sources = [*container.get("envFrom", ())]
    sources += [one["valueFrom"] for one in container.get("env", ()) if "valueFrom" in one]
    return {reference["name"] for source in sources for reference in source.values() if "name" in reference}
