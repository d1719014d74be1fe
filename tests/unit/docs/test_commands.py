"""The commands in the documentation exist, with the options that it shows."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import procstream_job.cli
import procstream_lineage.cli
import procstream_local.command.cli
import procstream_operator.cli
import procstream_producer.cli
import pytest
from typer.main import get_command

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS: dict[str, Any] = {
    "procstream": get_command(procstream_local.command.cli.app),
    "procstream-job": get_command(procstream_job.cli.app),
    "procstream-lineage": get_command(procstream_lineage.cli.app),
    "procstream-operator": get_command(procstream_operator.cli.app),
    "procstream-producer": get_command(procstream_producer.cli.app),
}
_BEFORE = re.compile(r"^\s*(\$ |eval \"\$\(|docker run .*?:\S+ |([A-Z_]+=\S+ )+)")
_PROGRAM = re.compile(r"(?:\.venv/bin/)?(procstream(?:-job|-lineage|-operator|-producer)?)(?: |$)")


def commands(text: str) -> Iterator[str]:
    """Commands in blocks (after variables, a prompt or an image) and in `code`."""
    blocks = re.findall(r"```(?:sh|console)?\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    starts = [_BEFORE.sub("", line) for line in lines]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    yield from (found for found in [*starts, *spans] if _PROGRAM.match(found))


def mistake(line: str) -> str | None:
    """What is wrong with a command, if anything is."""
    words = re.split(r"\s+", re.split(r"(?:\s+[|#>])|\)\"", line)[0].strip())
    if line.count("'") % 2 == 0 and line.count('"') % 2 == 0:
        words = shlex.split(re.split(r"\)\"", line)[0], comments=True)
    program, *rest = words
    command = PROGRAMS[program.rpartition("/")[2]]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name in {"…", "NAME"}:
            return None
        if name not in command.commands:
            return f"{line}: no command {name}"
        command = command.commands[name]
    if command.context_settings.get("ignore_unknown_options"):
        return None
    known = {"--help"}
    for parameter in command.params:
        known.update(parameter.opts, parameter.secondary_opts)
    for word in rest:
        if word in {"|", ">", "&&", ";"}:
            break
        option = word.partition("=")[0]
        if re.fullmatch(r"-[A-Za-z]|--[a-z][a-z-]*", option) and option not in known:
            return f"{line}: no option {option}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    assert [found for line in commands(page.read_text()) if (found := mistake(line))] == []


def test_commands_are_found_on_the_pages() -> None:
    found = {line for page in PAGES for line in commands(page.read_text())}
    assert len(found) > 80


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("procstream pipeline start lineage", "no command start"),
        ("procstream lineage verify --until 90s", "no option --until"),
        ("procstream-producer generate orders --speed 5 # fast", "no option --speed"),
    ],
)
def test_a_wrong_command_is_noticed(line: str, message: str) -> None:
    assert str(mistake(line)).endswith(message)
