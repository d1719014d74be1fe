"""Mutation test of the core modules: `python -m tests.mutation`.

mutmut plants small faults in `core.MODULES`, one at a time, and runs the tests that reach them. It expects
all packages side by side in one folder, so it works on such a copy.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.cli import run
from procstream_common.errors import ProcstreamError
from rich.console import Console
from rich.table import Table

from tests.mutation import core

_REPOSITORY = Path(__file__).parents[2]
_READ_BY_TESTS = ("docs", "helm")
_MUTMUT = (sys.executable, "-m", "mutmut")
_FOUND = ("killed", "timeout", "segfault")
_NOT_TRIED = ("not checked", "skipped")
_LEAST_SHARE = 0.8
_SECONDS_TO_END = 30


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="Stop after this time.")] = 10,
    survivors: Annotated[bool, typer.Option("--survivors", help="List what no test found.")] = False,
) -> None:
    """Print the share of planted faults that the unit tests find, by module. Fails below 80 %."""
    with tempfile.TemporaryDirectory(prefix="procstream-mutation-") as folder:
        _lay_out(Path(folder))
        log = Path(folder) / "mutmut.log"
        _mutate(log, minutes)
        statuses = _statuses(log)
    if survivors:
        for mutant, status in statuses.items():
            if status not in (*_FOUND, *_NOT_TRIED):
                typer.echo(f"{status}: {mutant}")
    share = _report(statuses)
    if share < _LEAST_SHARE:
        raise ProcstreamError(f"mutation score: found {share:.0%}; expected at least {_LEAST_SHARE:.0%}")


def _lay_out(copy: Path) -> None:
    """Copy the packages, their tests and what the tests read, and write mutmut's configuration."""
    packages = [package for package in sorted(_REPOSITORY.glob("*/procstream_*")) if package.is_dir()]
    for package in packages:
        shutil.copytree(package, copy / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(_REPOSITORY / "tests" / "unit", copy / "tests" / "unit")
    (copy / "tests" / "__init__.py").touch()
    for name in _READ_BY_TESTS:
        (copy / name).symlink_to(_REPOSITORY / name)
    mutated = [Path(*path.relative_to(_REPOSITORY).parts[1:]) for path in _files(core.MODULES)]
    tests = [path.relative_to(_REPOSITORY) for path in _files(core.TESTS)]
    copy.joinpath("pyproject.toml").write_text(
        f"""\
[tool.pytest.ini_options]
addopts = "--import-mode=importlib -p no:cacheprovider"
pythonpath = ["."]
[tool.mutmut]
source_paths = {json.dumps([package.name for package in packages])}
only_mutate = {json.dumps(list(map(str, mutated)))}
pytest_add_cli_args_test_selection = {json.dumps(list(map(str, tests)))}
also_copy = {json.dumps(_READ_BY_TESTS)}
use_git_change_detection = false
"""
    )


def _files(patterns: tuple[str, ...]) -> list[Path]:
    found = []
    for pattern in patterns:
        files = sorted(_REPOSITORY.glob(pattern))
        if not files:
            raise ProcstreamError(f"tests/mutation/core.py: no file matches {pattern}")
        found += files
    return found


def _mutate(log: Path, minutes: float) -> None:
    """Run mutmut for at most this long; it keeps its results in files."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [*_MUTMUT, "run"], cwd=log.parent, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(60 * minutes)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait(_SECONDS_TO_END)


def _statuses(log: Path) -> dict[str, str]:
    """What became of each mutant, by its name."""
    result = subprocess.run(
        [*_MUTMUT, "results", "--all", "true"], cwd=log.parent, capture_output=True, text=True, check=False
    )
    lines = (line.strip().rpartition(": ") for line in result.stdout.splitlines())
    found = {mutant: status for mutant, _, status in lines if "__mutmut_" in mutant}
    if set(found.values()) <= set(_NOT_TRIED):
        raise ProcstreamError(f"mutmut tried no mutant: {log.read_text()[-2000:]}{result.stderr}")
    return found


def _report(statuses: dict[str, str]) -> float:
    """Print a line for each module; the share of all that were tried that tests found."""
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, status in statuses.items():
        modules[mutant.rpartition(".")[0]][status] += 1
    table = Table("module", "planted", "tried", "found", "score")
    for module, counts in [*sorted(modules.items()), ("all", Counter(statuses.values()))]:
        tried = counts.total() - sum(counts[status] for status in _NOT_TRIED)
        found = sum(counts[status] for status in _FOUND)
        share = found / tried if tried else 0.0
        score = f"{share:.0%}" if tried else "-"
        table.add_row(module, str(counts.total()), str(tried), str(found), score)
    Console().print(table)
    typer.echo(f"mutation score: {score} ({found} of {tried} planted faults found)")
    return share


if __name__ == "__main__":
    run(lambda: typer.run(main))
