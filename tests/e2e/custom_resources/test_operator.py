import time
from typing import Any

import httpx
import yaml

from tests.e2e.custom_resources.metrics import metrics, total
from tests.e2e.custom_resources.release import OPERATOR, operator_pod
from tests.e2e.custom_resources.resources import topic
from tests.e2e.namespaces import Namespace
from tests.integration.conftest import free_port
from tests.integration.waiting import until

MANY = 200
ALL_READY_WITHIN_S = 30


def ready_count(namespace: Namespace, label: str) -> int:
    template = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
    found = namespace.kubectl("get", "topics", f"--selector={label}", f"--output=jsonpath={template}")
    return found.split().count("True")


def labelled(name: str, label: str) -> dict[str, Any]:
    resource = topic(name)
    resource["metadata"]["labels"] = {label: "yes"}
    return resource


def test_its_pods_are_restricted_and_healthy(namespace: Namespace) -> None:
    pod = operator_pod(namespace)
    script = "id -u; grep CapEff /proc/self/status; touch /x"
    seen = namespace.kubectl("exec", pod, "--", "sh", "-c", script, check=False)
    assert seen.splitlines()[:2] == ["10001", "CapEff:\t0000000000000000"]
    assert "Read-only file system" in seen
    with namespace.forwarded(f"pod/{pod}", 8080, free_port()) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=10)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_its_rights_end_at_the_namespace(namespace: Namespace) -> None:
    account = f"--as=system:serviceaccount:{namespace.name}:{OPERATOR}"

    def may(*action: str) -> bool:
        return namespace.kubectl("auth", "can-i", *action, account, check=False).startswith("yes")

    assert may("patch", "topics.procstream.io")
    assert not may("delete", "topics.procstream.io")
    assert not may("get", "secrets")
    assert not may("list", "secrets")
    assert may("get", "secrets/producer-settings")
    assert not may("create", "pods")
    assert not namespace.cluster.run(
        "auth", "can-i", "list", "topics.procstream.io", account, "--namespace=default", check=False
    ).stdout.startswith("yes")


def test_two_hundred_topics_at_once(namespace: Namespace) -> None:
    resources = [labelled(f"many-{number:03}", "many") for number in range(MANY)]
    before = metrics(namespace, operator_pod(namespace))
    began = time.monotonic()
    namespace.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all(resources))
    created = time.monotonic() - began
    until(lambda: ready_count(namespace, "many") == MANY, f"{MANY} topics are Ready", timeout=120, every=0.5)
    seconds = time.monotonic() - began
    text = metrics(namespace, operator_pod(namespace))
    requests = sum(
        total(text, "procstream_operator_api_requests_total", resource=resource)
        - total(before, "procstream_operator_api_requests_total", resource=resource)
        for resource in ("topics", "topics/status", "events")
    )
    memory, memory_before = (total(one, "process_resident_memory_bytes") for one in (text, before))
    print(
        f"\n{MANY} Topics Ready after {seconds:.1f} s, of which creating them took {created:.1f} s, "
        f"{requests / MANY:.2f} API requests each, "
        f"{memory_before / 1e6:.0f} MB before and {memory / 1e6:.0f} MB after"
    )
    assert seconds - created < ALL_READY_WITHIN_S
    assert requests / MANY < 5
    namespace.kubectl("delete", "topics", "--selector=many", "--wait=false")


def test_it_can_be_killed_in_the_middle_of_a_create(namespace: Namespace) -> None:
    names = [f"cut-{number:02}" for number in range(50)]
    victim = operator_pod(namespace)
    namespace.apply(*(labelled(name, "cut") for name in names))
    namespace.kubectl("delete", "pod", victim, "--grace-period=0", "--force")
    until(lambda: operator_pod(namespace) not in ("", victim), "another pod is ready")
    until(lambda: ready_count(namespace, "cut") == len(names), "all topics are Ready", timeout=90, every=0.5)
