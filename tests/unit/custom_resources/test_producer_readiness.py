from typing import Any

import pytest
from procstream_operator.outcome import Outcome
from procstream_operator.producers import manifest, producer_readiness
from procstream_operator.resource import Kind, Resource

from tests.unit.custom_resources.resources import ready_status, resource

SPEC: dict[str, Any] = {
    "topicRef": {"name": "t"},
    "schemaRef": {"name": "s"},
    "intervalSeconds": 0.5,
    "tolerations": [{"operator": "Exists"}],
    "resources": {"limits": {"memory": "128Mi"}},
}


def producer(**fields: Any) -> Resource:
    return resource(Kind.PRODUCER, {**SPEC, **fields}, name="nodes")


def built(**fields: Any) -> dict[str, Any]:
    return manifest.build(
        producer(**fields), topic="procstat_snapshots", default_image="p:1", connection="abc"
    )


def pod(**fields: Any) -> dict[str, Any]:
    spec: dict[str, Any] = built(**fields)["spec"]["template"]["spec"]
    return spec


def container(**fields: Any) -> dict[str, Any]:
    [one] = pod(**fields)["containers"]
    return dict(one)


def environment(**fields: Any) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container(**fields)["env"]}


def test_it_belongs_to_its_resource_and_selects_its_own_pods() -> None:
    manifest = built()
    assert manifest["metadata"]["name"] == "nodes"
    [owner] = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ProcstatProducer", "uid-nodes", True)
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    assert manifest["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_pods_have_no_permission_that_they_do_not_need() -> None:
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_only_proc_stat_of_the_host_is_mounted_and_read_only() -> None:
    assert [one["hostPath"] for one in pod()["volumes"]] == [{"path": "/proc/stat", "type": "File"}]
    [mount] = container()["volumeMounts"]
    assert mount["readOnly"] is True
    assert environment()["PROCSTAT_PATH"] == mount["mountPath"]


def test_records_carry_the_nodes_own_name() -> None:
    assert environment()["NODE_NAME"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert environment()["KAFKA_TOPIC"] == "procstat_snapshots"
    assert environment()["PRODUCER_INTERVAL_SECONDS"] == "0.5"


def test_the_pods_wait_for_a_broker_that_is_unavailable_at_the_start() -> None:
    probe = container()["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= float(
        environment()["STARTUP_TIMEOUT_SECONDS"]
    )
    assert float(environment()["STARTUP_TIMEOUT_SECONDS"]) >= 600


def test_fargate_is_avoided_and_taints_are_tolerated() -> None:
    required = pod()["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    [term] = required["nodeSelectorTerms"]
    assert {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]} in term[
        "matchExpressions"
    ]
    assert pod()["tolerations"] == [{"operator": "Exists"}]


def test_the_image_of_the_resource_replaces_that_of_the_operator() -> None:
    assert container()["image"] == "p:1"
    assert container(image="mine:2")["image"] == "mine:2"


def test_a_specified_variable_replaces_the_default() -> None:
    given = environment(env=[{"name": "LOG_FORMAT", "value": "text"}])
    assert given["LOG_FORMAT"] == "text"
    assert environment()["LOG_FORMAT"] == "json"
    names = [one["name"] for one in container(env=[{"name": "LOG_FORMAT", "value": "text"}])["env"]]
    assert len(names) == len(set(names))


def test_secrets_are_referenced_and_restart_the_pods() -> None:
    fields = {
        "envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "k"}}],
        "tlsSecretRef": {"name": "ca"},
    }
    assert list(manifest.references({**SPEC, **fields})) == [
        ("ConfigMap", "c"),
        ("Secret", "k"),
        ("Secret", "ca"),
    ]
    assert container(**fields)["envFrom"] == fields["envFrom"]
    assert {"name": "tls", "mountPath": "/etc/procstream/tls", "readOnly": True} in container(**fields)[
        "volumeMounts"
    ]
    annotations = built()["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"procstream.io/connection": "abc"}


def test_podlabels_do_not_replace_labels_of_the_operator() -> None:
    labels = built(podLabels={"team": "a", "procstream.io/producer": "x"})["spec"]["template"]["metadata"][
        "labels"
    ]
    assert (labels["team"], labels["procstream.io/producer"]) == ("a", "nodes")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({}, "RollingOut"),
        ({"observedGeneration": 2, "desiredNumberScheduled": 0}, "NoNodes"),
        (
            {
                "observedGeneration": 2,
                "desiredNumberScheduled": 3,
                "updatedNumberScheduled": 1,
                "numberReady": 3,
            },
            "RollingOut",
        ),
        (
            {
                "observedGeneration": 2,
                "desiredNumberScheduled": 3,
                "updatedNumberScheduled": 3,
                "numberReady": 2,
            },
            "PodsNotReady",
        ),
        (
            {
                "observedGeneration": 2,
                "desiredNumberScheduled": 3,
                "updatedNumberScheduled": 3,
                "numberReady": 3,
            },
            "AllNodesSampled",
        ),
    ],
)
def test_the_rollout_is_a_condition(state: dict[str, int], reason: str) -> None:
    found = producer_readiness.rollout(
        producer(), "t", {"metadata": {"name": "nodes", "generation": 2}, "status": state}, None
    )
    assert found.ready.reason == reason
    assert (found.ready.status == "True") is (reason == "AllNodesSampled")
    assert found.status["desired"] == state.get("desiredNumberScheduled", 0)


def test_the_message_names_what_it_waits_for() -> None:
    assert (
        producer_readiness.waiting_for_topic("t", None).ready.message
        == "there is no Topic t in this namespace"
    )
    topic = resource(Kind.TOPIC, {}, status=ready_status(status="False", reason="InvalidConfig"))
    found = producer_readiness.waiting_for_topic("t", topic)
    assert found.ready.reason == "WaitingForTopic"
    assert "Topic t is not Ready: InvalidConfig" in found.ready.message


def test_the_events_list_what_was_done_to_the_daemon_set() -> None:
    def reasons(before: dict[str, Any] | None) -> list[str]:
        applied = {"metadata": {"name": "nodes", "generation": 2}}
        return [
            str(event.reason) for event in producer_readiness.rollout(producer(), "t", applied, before).events
        ]

    assert reasons(None) == ["DaemonSetCreated"]
    assert reasons({"metadata": {"generation": 1}}) == ["DaemonSetUpdated"]
    assert reasons({"metadata": {"generation": 2}}) == []


def test_pods_that_start_are_not_a_problem_and_lost_ones_are() -> None:
    state = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberReady": 1,
    }
    applied = {"metadata": {"name": "nodes", "generation": 1}, "status": state}
    was_ready = resource(Kind.PRODUCER, SPEC, name="nodes", status=ready_status())
    found = [producer_readiness.rollout(one, "t", applied, applied).ready for one in (producer(), was_ready)]
    assert [(one.reason, one.underway) for one in found] == [("PodsNotReady", True), ("PodsNotReady", False)]


def test_the_topic_of_running_pods_is_known() -> None:
    assert manifest.topic_of(built()) == "procstat_snapshots"
    assert manifest.topic_of(None) is None


@pytest.mark.parametrize(
    "outcome",
    [
        producer_readiness.missing_reference("ConfigMap", "settings"),
        producer_readiness.forbidden_reference("Secret", "login"),
        producer_readiness.foreign_daemon_set("nodes"),
        producer_readiness.refused(RuntimeError("quota exceeded")),
    ],
    ids=lambda outcome: str(outcome.ready.reason),
)
def test_what_no_change_of_a_resource_ends_is_retried(outcome: Outcome) -> None:
    assert (outcome.ready.status, outcome.retry) == ("False", True)


@pytest.mark.parametrize(
    "outcome",
    [
        producer_readiness.waiting_for_topic("t", None),
        producer_readiness.waiting_for_schema("s", None),
        producer_readiness.wrong_subject("s", "a-value", "b"),
        producer_readiness.no_image(),
    ],
    ids=lambda outcome: str(outcome.ready.reason),
)
def test_what_a_change_of_a_resource_ends_is_not_retried(outcome: Outcome) -> None:
    assert (outcome.ready.status, outcome.retry) == ("False", False)
