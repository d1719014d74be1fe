"""The documentation: links that resolve, an index that is complete, targets that exist, plain wording."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "testbed" / "README.md"]

ODD_PHRASES = (
    r"leave[sd]? (it |them |the option )?away",
    r"left away",
    r"\bgo(es)? on (from|where|with its)",
    r"\bwent on (from|where)",
    r"\b(is|are) away\b",
    r"\banew\b",
    r"of the operator itself",
    r"\b(comes?|came|come) round\b",
    r"\bfor ever\b",
    r"\bput right\b",
    r"\bis told (by|here|below|in)\b",
    r"\bas it is told\b",
    r"\bmend(s|ed)?\b",
)
"""Wording that reads as translated."""

PROSE = [
    *PAGES,
    *sorted(path for path in ROOT.glob("*/procstream_*/**/*.py")),
    *sorted(path for path in (ROOT / "helm").rglob("*") if path.suffix in {".yaml", ".tpl", ".txt", ".py"}),
    *sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file()),
    *sorted(path for path in (ROOT / "flink_job" / "java" / "src").rglob("*.java")),
    ROOT / "Makefile",
]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def links(page: Path) -> Iterator[str]:
    """The links of a page that lead to this repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub builds them: lower case, no punctuation, dashes."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    decisions = ROOT / "docs" / "decisions"
    pages = {page for page in PAGES if ROOT / "docs" in page.parents and page.parent != decisions} - {index}
    assert pages <= listed


def test_the_index_of_decisions_lists_every_decision() -> None:
    index = ROOT / "docs" / "decisions" / "README.md"
    listed = {(index.parent / link).resolve() for link in links(index)}
    assert set(index.parent.glob("0*.md")) == listed


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_has_every_target_that_a_page_names(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    text = page.read_text()
    named = set(re.findall(r"`make ([a-z0-9-]+)", text))
    for block in re.findall(r"```.*?```", text, flags=re.DOTALL):
        named.update(re.findall(r"^make ([a-z0-9-]+)", block, flags=re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_scripts_of_a_page_have_the_options_that_it_names(page: Path) -> None:
    """Scripts; test_commands.py is about the commands of Python."""
    wrong = []
    for script, rest in re.findall(r"(scripts/[\w-]+\.sh)([^\n#`]*)", page.read_text()):
        text = (ROOT / script).read_text() if (ROOT / script).exists() else ""
        options = re.findall(r"--[a-z][a-z-]*", rest.split(" -- ")[0])
        wrong += [f"{script} {option}" for option in options if not re.search(rf"{option}(?![a-z-])", text)]
        if not text:
            wrong.append(script)
    assert wrong == []


@pytest.mark.parametrize("phrase", ODD_PHRASES)
def test_the_wording_is_plain(phrase: str) -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in PROSE
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if re.search(phrase, line, flags=re.IGNORECASE)
    ]
    assert found == []
