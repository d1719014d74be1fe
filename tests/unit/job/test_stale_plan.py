from typing import Any

from procstream_job.submitting.stale_plan import CHECKSUM_ANNOTATION, stale_plan_patch

PLAN = "executionPlan-41797d658fefe1b7faa1d8309a86f91b"


def config_map(**annotations: str) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "data": {PLAN: "…", "counter": "3"}}


def test_the_plan_of_another_pipeline_is_removed_and_nothing_else() -> None:
    assert stale_plan_patch(config_map(**{CHECKSUM_ANNOTATION: "old"}), "new") == {
        "metadata": {"annotations": {CHECKSUM_ANNOTATION: "new"}},
        "data": {PLAN: None},
    }


def test_a_plan_of_which_nothing_is_known_is_removed() -> None:
    patch = stale_plan_patch({"metadata": {}, "data": {PLAN: "…"}}, "new")
    assert patch is not None
    assert patch["data"] == {PLAN: None}


def test_the_plan_of_this_pipeline_stays() -> None:
    assert stale_plan_patch(config_map(**{CHECKSUM_ANNOTATION: "same"}), "same") is None


def test_without_a_plan_the_pipeline_is_noted() -> None:
    assert stale_plan_patch({"metadata": {}}, "new") == {
        "metadata": {"annotations": {CHECKSUM_ANNOTATION: "new"}},
        "data": {},
    }
