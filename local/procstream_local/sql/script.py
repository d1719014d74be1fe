"""Running statements one after the other, and printing their rows as text or JSON lines."""

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from procstream_local.sql.gateway import Page, Session

_SEPARATOR = "  "


def run(session: Session, statements: Iterable[str], *, as_json: bool) -> None:
    """Run `statements`, and print rows as they arrive; the first failure raises `StatementError`."""
    for statement in statements:
        pages = session.execute(statement, "JSON" if as_json else "PLAIN_TEXT")
        first = next(pages, None)
        if first is None or not first.has_content:
            continue
        if as_json:
            _print_json(chain([first], pages))
        else:
            _print_text(chain([first], pages), with_ops=first.is_query and not session.is_batch())


def _print_json(pages: Iterable[Page]) -> None:
    for page in pages:
        for op, row in page.rows:
            print(json.dumps({"op": op, "row": dict(zip(page.columns, row, strict=True))}), flush=True)


def _print_text(pages: Iterable[Page], *, with_ops: bool) -> None:
    """Columns are as wide as the first rows need; later rows are not known yet."""
    widths: list[int] = []
    count = 0
    for page in pages:
        rows = [_texts(op, row, with_ops=with_ops) for op, row in page.rows]
        if rows and not widths:
            header = ["op", *page.columns] if with_ops else list(page.columns)
            widths = [max(map(_width, column)) for column in zip(header, *rows, strict=True)]
            print(_line(header, widths))
            print(_SEPARATOR.join("-" * width for width in widths))
        for row in rows:
            print(_line(row, widths), flush=True)
        count += len(rows)
    print(f"({count} {'row' if count == 1 else 'rows'})")


def _texts(op: str, row: Sequence[Any], *, with_ops: bool) -> list[str]:
    texts = ["NULL" if value is None else str(value) for value in row]
    return [op, *texts] if with_ops else texts


def _width(cell: str) -> int:
    return max(map(len, cell.splitlines()), default=0)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _SEPARATOR.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
