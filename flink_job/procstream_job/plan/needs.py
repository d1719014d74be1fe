"""What must exist before a pipeline runs."""

from procstream_job.file.model import Pipeline
from procstream_job.language.needs import Need, Needs
from procstream_job.plan.outputs import sink_place


def pipeline_needs(pipeline: Pipeline) -> Needs:
    """Topics that it reads and writes, and subjects that it reads and writes with, by their places."""
    needs = Needs()
    for name, source in pipeline.sources.items():
        place, subject = f"sources.{name}", source.schema_subject
        needs += Needs((Need(place, source.topic),), (Need(place, subject),) if subject else ())
    for output in pipeline.all_outputs:
        for kind, sink in output.sink.chosen.items():
            needs += sink.needs(sink_place(output, kind))
    if pipeline.dropped.kafka:
        needs += Needs((Need("dropped.kafka", pipeline.dropped.kafka.topic),))
    if pipeline.late:
        needs += Needs((Need("late.kafka", pipeline.late.kafka.topic),))
    return needs
