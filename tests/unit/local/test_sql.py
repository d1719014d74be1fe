from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local.sql import script
from procstream_local.sql.client import check_address, read_statements
from procstream_local.sql.gateway import Page
from procstream_local.sql.statements import split_statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT 'a;b', `c;d`, 'it''s;'; SELECT 2", ["SELECT 'a;b', `c;d`, 'it''s;'", "SELECT 2"]),
        ("SELECT 1 -- one; two\n, 3; /* ; */ SELECT 2", ["SELECT 1  \n, 3", "SELECT 2"]),
        (
            "SELECT * FROM t /*+ OPTIONS('a'=';') */; SELECT 2",
            ["SELECT * FROM t /*+ OPTIONS('a'=';') */", "SELECT 2"],
        ),
        (
            "execute statement set begin INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; end; SELECT 3",
            [
                "execute statement set begin INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; end",
                "SELECT 3",
            ],
        ),
        (";;  ; -- nothing", []),
        ("SELECT 'open; SELECT 2", ["SELECT 'open", "SELECT 2"]),
    ],
)
def test_a_script_is_split_at_the_semicolons_that_end_statements(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements


def test_statements_come_from_the_option_or_the_file(tmp_path: Path) -> None:
    file = tmp_path / "report.sql"
    file.write_text("SET 'a' = 'b';\nSELECT 1;\n")
    assert read_statements(None, file) == ["SET 'a' = 'b'", "SELECT 1"]
    assert read_statements("SELECT 1", None) == ["SELECT 1"]
    assert read_statements(None, None) is None


@pytest.mark.parametrize(
    ("text", "file", "mistake"),
    [
        ("SELECT 1", Path("x.sql"), "-e and -f: found both; expected one"),
        (" ; -- nothing", None, "-e: found no statement; expected SQL"),
        (None, Path("/nowhere/x.sql"), "/nowhere/x.sql: not readable"),
    ],
)
def test_what_cannot_run_is_an_error(text: str | None, file: Path | None, mistake: str) -> None:
    with pytest.raises(ProcstreamError, match=mistake):
        read_statements(text, file)


@dataclass
class Answers:
    """A session that has the same pages for every statement."""

    pages: list[Page]
    batch: bool = False

    def execute(self, statement: str, row_format: str) -> Iterator[Page]:
        yield from self.pages

    def is_batch(self) -> bool:
        return self.batch


def page(*rows: tuple[str, tuple[object, ...]], query: bool = True) -> Page:
    return Page(("status", "n"), rows, has_content=True, is_query=query)


def printed(session: Answers, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> list[str]:
    script.run(session, ["SELECT"], as_json=as_json)
    return capsys.readouterr().out.splitlines()


def test_rows_are_aligned_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [page(), page(("+I", ("created", "1")), ("+I", (None, "22"))), page(("+I", ("x", "3")))]
    assert printed(Answers(pages, batch=True), capsys) == [
        "status   n",
        "-------  --",
        "created  1",
        "NULL     22",
        "x        3",
        "(3 rows)",
    ]


def test_rows_of_an_unbounded_query_show_their_change(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [page(("+I", ("a", "1"))), page(("-U", ("a", "1")), ("+U", ("a", "2")))]
    lines = printed(Answers(pages), capsys)
    assert [line.split() for line in lines[2:-1]] == [["+I", "a", "1"], ["-U", "a", "1"], ["+U", "a", "2"]]
    assert printed(Answers([page(("+I", ("a", "1")), query=False)]), capsys)[0].split() == ["status", "n"]


def test_a_cell_of_several_lines_is_as_wide_as_its_longest(capsys: pytest.CaptureFixture[str]) -> None:
    text = Page(("result",), (("+I", ("CREATE TABLE\n  x\n",)),), has_content=True, is_query=False)
    assert printed(Answers([text]), capsys)[1] == "-" * len("CREATE TABLE")


def test_each_json_line_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(Answers([page(("+I", ("a", 1)))]), capsys, as_json=True) == [
        '{"op": "+I", "row": {"status": "a", "n": 1}}'
    ]


def test_a_statement_without_rows_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(Answers([Page(("result",), (("+I", ("OK",)),), False, False)]), capsys) == []


@pytest.mark.parametrize(
    "address", ["localhost", "http://localhost:8083", "localhost:http", "a b:1", ":8083"]
)
def test_an_address_is_host_and_port(address: str) -> None:
    with pytest.raises(ProcstreamError, match=f"--address: found '{address}'; expected HOST:PORT"):
        check_address(address)


def test_an_address_without_a_gateway_is_one_line() -> None:
    with pytest.raises(ProcstreamError, match=r"^the SQL gateway at 127\.0\.0\.1:1 did not answer: "):
        check_address("127.0.0.1:1")
