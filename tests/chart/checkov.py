"""Checkov, a policy checker, in an environment of its own; it gets along without a network."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procstream_local.stack.artifacts import cache_folder

_REPOSITORY = Path(__file__).parents[2]
CONFIGURATION = _REPOSITORY / ".checkov.yaml"
_REQUIREMENTS = _REPOSITORY / "requirements" / "checkov.txt"


@dataclass(frozen=True)
class Result:
    """What a check said about an object."""

    file: str
    """Its name in the folder."""
    check: str
    resource: str
    """The object, as KIND.NAMESPACE.NAME."""
    title: str

    def __str__(self) -> str:
        return f"{self.file}: {self.resource}: {self.check} {self.title}"


@dataclass(frozen=True)
class Report:
    """The checks that ran; those that are skipped are in neither."""

    passed: tuple[Result, ...]
    failed: tuple[Result, ...]


def scan(folder: Path, *options: str) -> Report:
    """Check the manifests in a folder. Raises `RuntimeError` with what Checkov says when it cannot."""
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),  # no account of the user's, nor configuration
        "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true",
    }
    program = ["nice", str(_program()), "--directory", str(folder), "--output=json", "--compact", *options]
    run = subprocess.run(program, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    try:
        report = json.loads(run.stdout)
        errors, results = report["summary"]["parsing_errors"], report["results"]
    except (ValueError, KeyError):
        raise RuntimeError(f"checkov ended with {run.returncode}: {run.stdout}{run.stderr}") from None
    if errors:
        raise RuntimeError(f"checkov could not read {', '.join(results['parsing_errors'])}")
    return Report(tuple(_read(results["passed_checks"])), tuple(_read(results["failed_checks"])))


def _read(results: list[Mapping[str, Any]]) -> Iterator[Result]:
    for one in results:
        file = one["file_path"].removeprefix("/")
        yield Result(file, one["check_id"], one["resource"], one["check_name"])


def _program() -> Path:
    """Made on first use (up to a minute), and again when what it is made of has changed."""
    requirements = _REQUIREMENTS.read_text()
    pinned = re.search(r"^checkov==(\S+)", requirements, re.MULTILINE)
    assert pinned, f"{_REQUIREMENTS}: names no checkov"
    environment = cache_folder() / f"checkov-{pinned[1]}"
    made_of = environment / _REQUIREMENTS.name
    if not made_of.exists() or made_of.read_text() != requirements:
        uv = Path(sys.executable).with_name("uv")
        assert uv.exists(), "uv is part of the pinned development packages; run `make setup`"
        make = ["venv", "--quiet", "--allow-existing", f"--python={sys.executable}", str(environment)]
        fill = ["pip", "sync", "--quiet", f"--python={environment}", "--require-hashes", str(_REQUIREMENTS)]
        for command in (make, fill):
            subprocess.run(["nice", str(uv), *command], check=True)
        made_of.write_text(requirements)
    return environment / "bin" / "checkov"
