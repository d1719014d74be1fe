"""Writes the file of the SQL catalog's tables, once or repeatedly.

python -m procstream_job.topics.sql_catalog topics.json --every 30s
"""

import logging
import os
import time
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.cli import run
from procstream_common.durations import parse_duration
from procstream_common.errors import ProcstreamError
from procstream_common.logs import LogFormat, LogLevel, set_up
from pydantic import TypeAdapter, ValidationError

from procstream_job.topics.sql_catalog import tables_file
from procstream_job.topics.sql_catalog.tables_file import RunningPipeline

_log = logging.getLogger(__name__)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def write(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; its folder must exist.")],
    every: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Repeat at this interval, such as '30 s'."),
    ] = None,
    pipelines: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='JSON list of pipelines whose columns win: [{"source": "fraud-alerts", "env": {}}].',
        ),
    ] = None,
) -> None:
    """Describe every topic as a table of Flink SQL; the environment has the connections."""
    set_up(LogFormat.TEXT, LogLevel.INFO)
    pause = _seconds(every) if every is not None else None
    while True:
        try:
            tables = tables_file.document(_read(pipelines), os.environ)
            if tables_file.update(file, tables):
                _log.info("%s: %d tables", file, len(tables["tables"]))
        except ProcstreamError as error:
            if pause is None:
                raise
            _log.warning("%s; keeping the tables of the last attempt", error)
        if pause is None:
            return
        time.sleep(pause)


def _seconds(duration: str) -> float:
    try:
        return parse_duration(duration).total_seconds()
    except ValueError as error:
        raise ProcstreamError(f"--every: {error}") from None


def _read(file: Path | None) -> list[RunningPipeline]:
    """Read again each time: a ConfigMap changes in place."""
    if file is None:
        return []
    try:
        return TypeAdapter(list[RunningPipeline]).validate_json(file.read_text())
    except OSError as error:
        raise ProcstreamError(f"--pipelines: {file}: {error.strerror}; expected a JSON file") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ProcstreamError(f"--pipelines: {file}: {place or 'content'}: {first['msg']}") from None


if __name__ == "__main__":
    run(app)
