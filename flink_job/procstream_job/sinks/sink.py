"""The kinds of sink of a pipeline file. A new one is a folder beside this file and a field here."""

from typing import get_args

from pydantic import model_validator

from procstream_job.language.part import Part
from procstream_job.sinks.kafka.options import KafkaSink
from procstream_job.sinks.kind import SinkOptions
from procstream_job.sinks.lake.options import LakeSink
from procstream_job.sinks.postgres.options import PostgresSink
from procstream_job.sinks.print.options import PrintSink


class Sink(Part):
    """Where a query's rows go: one place or several."""

    lake: LakeSink | None = None
    kafka: KafkaSink | None = None
    postgres: PostgresSink | None = None
    print: PrintSink | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> "Sink":
        if not self.chosen:
            raise ValueError(f"found none; expected one or several of {', '.join(SINK_KINDS)}")
        return self

    @property
    def chosen(self) -> dict[str, SinkOptions]:
        """The sinks that the file has, by kind."""
        options = {kind: getattr(self, kind) for kind in SINK_KINDS}
        return {kind: found for kind, found in options.items() if found is not None}


SINK_KINDS: dict[str, type[SinkOptions]] = {
    kind: get_args(field.annotation)[0] for kind, field in Sink.model_fields.items()
}
"""The options of each kind."""
