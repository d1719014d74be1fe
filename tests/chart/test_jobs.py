"""What runs to an end: verifications, `helm test`, and what an uninstallation deletes."""

import pytest

from tests.chart.rendering import Chart, Rendered


def test_a_verification_that_fails_is_not_tried_again(rendered: Rendered) -> None:
    """Not proven is a result: a second attempt would hide it."""
    for one in rendered.of("CronJob").values():
        job = one["spec"]["jobTemplate"]["spec"]
        assert job["backoffLimit"] == 0
        assert job["template"]["spec"]["restartPolicy"] == "Never"
        assert one["spec"]["concurrencyPolicy"] == "Forbid"
        assert one["spec"]["failedJobsHistoryLimit"] >= 1


def test_each_pipeline_that_is_named_is_verified(local: Rendered) -> None:
    assert local.of("CronJob").keys() == {"verify-lineage", "verify-procstat-lineage"}
    for name, one in local.of("CronJob").items():
        [container] = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        pipeline = name.removeprefix("verify-")
        assert container["args"] == ["procstream-lineage", "verify", pipeline, "--wait=120s"]
        variables = {variable["name"]: variable["value"] for variable in container["env"]}
        assert variables["OUTPUT_PATH"] == f"s3://procstream/{pipeline}/output"


def test_a_pipeline_that_is_not_enabled_is_not_verified(chart: Chart) -> None:
    rendered = chart.render({"pipelines": {"lineage": {"enabled": False}}}, "values-local.yaml")
    assert rendered.of("CronJob").keys() == {"verify-procstat-lineage"}


@pytest.mark.parametrize(("schedule", "suspended"), [("", True), ("0 * * * *", False)])
def test_without_a_schedule_it_runs_on_demand(chart: Chart, schedule: str, suspended: bool) -> None:
    rendered = chart.render({"verification": {"schedule": schedule}}, "values-local.yaml")
    for one in rendered.of("CronJob").values():
        assert one["spec"]["suspend"] is suspended
        assert one["spec"]["schedule"] == (schedule or "@yearly")


def test_options_of_the_verification_are_passed_on(chart: Chart) -> None:
    rendered = chart.render({"verification": {"options": ["--deep", "--wait=5s"]}}, "values-local.yaml")
    [container] = rendered.of("CronJob")["verify-lineage"]["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["args"][3:] == ["--deep", "--wait=5s"]


def test_helms_test_is_not_tried_again_and_ends(rendered: Rendered) -> None:
    pod = rendered.of("Pod")["test"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["restartPolicy"] == "Never"
    assert 0 < pod["spec"]["activeDeadlineSeconds"] <= 300
    [container] = pod["spec"]["containers"]
    topic = rendered.of("Topic")["test"]
    assert container["args"] == ["round-trip", topic["spec"]["topicName"]]
    assert f"topic:{topic['spec']['topicName']}" in pod["spec"]["initContainers"][0]["args"]
    assert topic["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert topic["spec"]["deletionPolicy"] == "Delete"
    weight = int(topic["metadata"]["annotations"]["helm.sh/hook-weight"])
    assert weight < int(pod["metadata"]["annotations"].get("helm.sh/hook-weight", 0))


def test_an_uninstallation_is_tried_once(chart: Chart) -> None:
    topic = {"topicName": "passing", "partitions": 1, "deletionPolicy": "Delete"}
    job = chart.render({"topics": [topic]}, "values-local.yaml").of("Job")["uninstall"]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
