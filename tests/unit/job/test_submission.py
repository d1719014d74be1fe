from collections.abc import Callable
from datetime import timedelta

import pytest
from procstream_common.errors import NotFoundError, ProcstreamError, Server
from procstream_job.file.reading import PipelineError, PipelineFile, load_pipeline, read_pipeline
from procstream_job.language.subject_schema import SubjectSchema
from procstream_job.plan.needs import pipeline_needs
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.plans import plan_jobs
from procstream_job.submitting.preflight import MissingError, check_topics, registered_schemas


def failing(times: int, error: Exception) -> tuple[Callable[[], str], list[int]]:
    calls: list[int] = []

    def attempt() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "there"

    return attempt, calls


def test_without_patience_there_is_one_attempt() -> None:
    attempt, calls = failing(1, MissingError("no topic"))
    with pytest.raises(MissingError):
        Patience().until(attempt)
    assert len(calls) == 1


def test_with_patience_what_is_not_there_yet_is_waited_for() -> None:
    attempt, calls = failing(1, MissingError("no topic"))
    assert Patience(timedelta(seconds=10)).until(attempt) == "there"
    assert len(calls) == 2


def test_what_will_not_change_is_not_waited_for() -> None:
    attempt, calls = failing(1, ProcstreamError("wrong password"))
    with pytest.raises(ProcstreamError, match="wrong password"):
        Patience(timedelta(seconds=10)).until(attempt)
    assert len(calls) == 1


def test_a_topic_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(MissingError) as raised:
        check_topics(pipeline_needs(load_pipeline("lineage", {})), {"lineage-inputs", "other"})
    assert str(raised.value) == (
        "sources.lineage_input.topic: topic 'lineage-input' does not exist; did you mean 'lineage-inputs'?"
    )
    check_topics(pipeline_needs(load_pipeline("lineage", {})), {"lineage-input"})


def test_a_subject_that_is_not_registered_is_told_with_its_source() -> None:
    def absent(subject: str) -> SubjectSchema:
        raise NotFoundError(Server.REGISTRY, f"subject {subject!r} is not registered")

    with pytest.raises(MissingError, match=r"^sources\.lineage_input: subject 'lineage-input-value' is not"):
        registered_schemas(pipeline_needs(load_pipeline("lineage", {})), absent)


def test_only_avro_needs_the_registry() -> None:
    assert pipeline_needs(load_pipeline("lineage", {})).subjects
    assert not pipeline_needs(load_pipeline("fraud-alerts", {})).subjects


def test_pipelines_of_one_call_must_not_share_a_path() -> None:
    files = [read_pipeline(name, {}) for name in ("lineage", "procstat-lineage")]
    with pytest.raises(ProcstreamError, match="OUTPUT_PATH is set and would apply to 2 pipelines"):
        plan_jobs(files, {"OUTPUT_PATH": "/out"})


def test_pipelines_of_one_call_must_not_share_a_name() -> None:
    files = [PipelineFile(label, load_pipeline("lineage", {})) for label in ("a.yaml", "b.yaml")]
    with pytest.raises(PipelineError, match=r"b\.yaml: name: found 'lineage', .* the name in a\.yaml"):
        plan_jobs(files, {})


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ProcstreamError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        plan_jobs([read_pipeline("lineage", {})], {})
