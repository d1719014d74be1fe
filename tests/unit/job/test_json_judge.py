"""The judge of the Java tests against docs/json-values.md."""

import base64
import re
import struct
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path

ROOT = Path(__file__).parents[3]
JUDGE = ROOT / "flink_job/java/src/test/python/json_judge.py"
TABLE = re.compile(r"\| `([^`]+)` \| (`.+`) \| (.*)\|")


def judge(*questions: tuple[str, str, bytes]) -> list[str]:
    lines = [f"{type_}\t{unit}\t{base64.b64encode(record).decode()}" for type_, unit, record in questions]
    return subprocess.run(
        [sys.executable, JUDGE], input="\n".join(lines), capture_output=True, text=True, check=True
    ).stdout.splitlines()


def canonical(type_: str, becomes: str) -> str:
    """The judge's way to write a value of the table."""
    name = re.split(r"\W", type_)[0]
    if name in ("DOUBLE", "FLOAT"):
        return struct.pack({"DOUBLE": ">d", "FLOAT": ">f"}[name], float(becomes)).hex()
    if name in ("STRING", "VARCHAR", "CHAR"):
        return f'"{becomes.encode().hex()}"'
    if name in ("BYTES", "VARBINARY", "BINARY"):
        return f'"{becomes.replace(" ", "")}"'
    if name == "DATE" and becomes.startswith("0000"):
        return str(date(2000, *map(int, becomes.split("-")[1:])).toordinal() - 719_163 - 5 * 146_097)
    if name == "DATE":
        return str(date.fromisoformat(becomes).toordinal() - 719_163)
    if name.startswith("TIME"):
        seconds, _, fraction = becomes.rstrip("Z").partition(".")
        if name == "TIME":
            at = datetime.combine(date(1970, 1, 1), time.fromisoformat(seconds), UTC)
        else:
            at = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
        return str(int(at.timestamp()) * 10**9 + int(fraction.ljust(9, "0")))
    if name in ("ARRAY", "MAP", "MULTISET", "ROW"):
        return re.sub(r"\b[a-z]\b", lambda found: f'"{found[0].encode().hex()}"', becomes)
    return becomes


def test_it_agrees_with_each_line_of_the_table() -> None:
    questions, expected = [], []
    for line in (ROOT / "docs/json-values.md").read_text().splitlines():
        if not line.startswith("| `"):
            continue
        row = TABLE.fullmatch(line)
        assert row, line
        type_, documents, becomes = row.groups()
        for document in re.findall("`([^`]+)`", documents):
            questions.append((type_, "iso-8601", f'{{"v": {document}}}'.encode()))
            if becomes.startswith("refused: "):
                expected.append("bad\tUNDECODABLE")
            else:
                expected.append("ok\t" + canonical(type_, becomes.strip().strip("`")))
    assert expected
    found = judge(*questions)
    pairs = zip(questions, expected, found, strict=True)
    assert [pair for pair in pairs if pair[1] != pair[2]] == []


WORDS = [
    (b"", "bad\tTRUNCATED"),
    (b"\xef\xbb\xbf \r\n\t", "bad\tTRUNCATED"),
    (b"\xef\xbb\xbf {}", "ok\tnull"),
    (b"\xef\xbb\xbf\xef\xbb\xbf{}", "bad\tUNDECODABLE"),
    (b"[1", "bad\tUNDECODABLE"),
    (b'{"v": 1', "bad\tTRUNCATED"),
    (b'{"v": 1.', "bad\tTRUNCATED"),
    (b'{"v": -', "bad\tTRUNCATED"),
    (b'{"v": nul', "bad\tTRUNCATED"),
    (b'{"v": "\\ud83', "bad\tTRUNCATED"),
    (b'{"v": "x", ', "bad\tTRUNCATED"),  # also a bad value
    (b'{"v": 1,}', "bad\tUNDECODABLE"),
    (b'{"v": 01', "bad\tUNDECODABLE"),
    (b'{"v": nuL', "bad\tUNDECODABLE"),
    (b'{"v": "x"} x', "bad\tUNDECODABLE"),
    (b'{"v": 1} x', "bad\tTRAILING_BYTES"),
    (b'{"v": 1} \xff', "bad\tUNDECODABLE"),
    (b'{"v": 1, "x": NaN}', "bad\tUNDECODABLE"),
    (b'{"v": 1, "x": "\t"}', "bad\tUNDECODABLE"),
    (b'{"v": 1, "x": "\xc3', "bad\tUNDECODABLE"),
    (b'{"v": 1, "x": ["\\ud83d", 1e999], "x": {}}', "ok\t1"),
    (b'{"v": 1, "\\u0076": 1}', "bad\tUNDECODABLE"),
    (b'{"v": 1.' + 998 * b"0" + b"}", "ok\t1"),
    (b'{"v": 1.' + 999 * b"0" + b"}", "bad\tUNDECODABLE"),
    (b'{"x": ' + 999 * b"[" + 999 * b"]" + b"}", "ok\tnull"),
    (b'{"x": ' + 1_000 * b"[" + 1_000 * b"]" + b"}", "bad\tUNDECODABLE"),
]

TIMES_AS_NUMBERS = [
    ("TIMESTAMP(3)", "epoch-seconds", "1767225600.123", "ok\t1767225600123000000"),
    ("TIMESTAMP(3)", "epoch-seconds", "1767225600.1234", "bad\tUNDECODABLE"),
    ("TIMESTAMP_LTZ(3)", "epoch-millis", '"1.767225600123e12"', "ok\t1767225600123000000"),
    ("TIMESTAMP(3)", "epoch-millis", '"2026-01-01T00:00:00"', "bad\tUNDECODABLE"),
    ("TIMESTAMP(3)", "epoch-micros", "-1000", "ok\t-1000000"),
    ("TIMESTAMP(3)", "epoch-micros", "-1001", "bad\tUNDECODABLE"),
    ("TIMESTAMP(9)", "epoch-nanos", "-1", "ok\t-1"),
    ("DATE", "epoch-millis", '"1970-01-02"', "ok\t1"),
    ("ARRAY<ROW<`a` TIMESTAMP(0) NOT NULL>>", "epoch-seconds", '[{"a": 1}]', "ok\t[(1000000000)]"),
]


def test_the_word_of_an_error() -> None:
    found = judge(*(("INT", "iso-8601", record) for record, _ in WORDS))
    assert list(zip((record for record, _ in WORDS), found, strict=True)) == WORDS


def test_times_as_numbers() -> None:
    found = judge(
        *((type_, unit, f'{{"v": {document}}}'.encode()) for type_, unit, document, _ in TIMES_AS_NUMBERS)
    )
    assert [
        (*case[:3], answer) for case, answer in zip(TIMES_AS_NUMBERS, found, strict=True)
    ] == TIMES_AS_NUMBERS
