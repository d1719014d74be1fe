"""`procstream status --namespace`, with an API server that answers as a real one does."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from procstream_local.command.cli import app
from typer.testing import CliRunner

from tests.unit.http_server import Answer, Request, serving

NAMESPACE = "/namespaces/data"
FLINK_DEPLOYMENTS = f"/apis/flink.apache.org/v1beta1{NAMESPACE}/flinkdeployments"
NO_SUCH_KIND = Answer(404, "404 page not found\n", "text/plain; charset=utf-8")
"""Of a kind whose CustomResourceDefinition is not installed, an API server knows no path."""
FORBIDDEN = Answer(403, {"kind": "Status", "message": "cannot list flinkdeployments", "code": 403})

Run = Callable[..., Any]


def labels(release: str) -> dict[str, str]:
    return {"app.kubernetes.io/part-of": "procstream", "app.kubernetes.io/instance": release}


def workload(name: str, release: str) -> dict[str, Any]:
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}}
    return {
        "metadata": {"name": name, "labels": labels(release)},
        "spec": spec,
        "status": {"readyReplicas": 1},
    }


def service(name: str, release: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels(release)}, "spec": {"ports": [{"port": 8081}]}}


def job_manager(now: datetime) -> dict[str, Any]:
    """What the JobManager of a healthy job answers: it has run for 100 s."""
    started, newest = ((now - timedelta(seconds=ago)).timestamp() * 1000 for ago in (100, 1))
    job = {"jid": "a1b2", "state": "RUNNING", "timestamps": {"RUNNING": started}, "vertices": []}
    checkpoint = {"id": 7, "latest_ack_timestamp": newest, "end_to_end_duration": 20, "state_size": 3}
    return {
        "jobs/overview": {"jobs": [job]},
        "jobs/a1b2": job,
        "jobs/a1b2/exceptions": {"exceptionHistory": {"entries": []}},
        "jobs/a1b2/checkpoints": {"latest": {"completed": checkpoint}},
        "jobs/a1b2/checkpoints/config": {"interval": 1000},
        "jobs/a1b2/metrics": [{"id": "numRestarts", "value": "0"}, {"id": "uptime", "value": "100000"}],
    }


class ApiServer:
    """Two releases in one namespace, each with a pipeline."""

    def __init__(self, flink_deployments: Answer = NO_SUCH_KIND) -> None:
        self.answers: dict[str, Answer] = {FLINK_DEPLOYMENTS: flink_deployments}
        releases = ("events", "events-2")
        self._list("apps/v1", "deployments", *(workload(f"{name}-registry", name) for name in releases))
        self._list("apps/v1", "statefulsets", workload("events-kafka", "events"))
        self._list("apps/v1", "daemonsets")
        self._list("v1", "pods")
        self._list("v1", "services", *(service(f"{name}-pipeline-lineage", name) for name in releases))
        proxy = f"/api/v1{NAMESPACE}/services/events-pipeline-lineage:8081/proxy"
        flink = job_manager(datetime.now(UTC))
        self.answers |= {f"{proxy}/{path}": Answer(200, body) for path, body in flink.items()}

    def _list(self, version: str, plural: str, *items: dict[str, Any]) -> None:
        root = "/api/v1" if version == "v1" else f"/apis/{version}"
        self.answers[f"{root}{NAMESPACE}/{plural}"] = Answer(200, {"kind": "List", "items": list(items)})

    def __call__(self, request: Request) -> Answer:
        return self.answers.get(request.path.partition("?")[0], NO_SUCH_KIND)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(api_server, …)`: the result of `procstream status` with these options."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("PROCSTREAM_HOME", str(tmp_path))

    def run(api_server: Callable[[Request], Answer], *options: str) -> Any:
        with serving(api_server) as server:
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": {"server": server.url}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "me"}}],
                "users": [{"name": "me", "user": {"token": "t0ken"}}],
                "current-context": "test",
            }
            path = tmp_path / "kubeconfig"
            path.write_text(yaml.safe_dump(config))
            monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
            return CliRunner().invoke(app, ["status", "--namespace", "data", *options])

    return run


@pytest.mark.parametrize("answer", [NO_SUCH_KIND, FORBIDDEN], ids=["no CRD", "no permission"])
def test_a_cluster_without_flinks_operator_shows_the_releases_own_pipelines(run: Run, answer: Answer) -> None:
    result = run(ApiServer(answer), "--release", "events", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["healthy"], found["problems"]
    assert {one["name"]: one["kind"] for one in found["workloads"]} == {
        "events-registry": "Deployment",
        "events-kafka": "StatefulSet",
    }
    [pipeline] = found["pipelines"]
    assert (pipeline["name"], pipeline["state"], pipeline["job_id"]) == ("lineage", "RUNNING", "a1b2")
    assert pipeline["checkpoint"]["id"] == 7
    assert pipeline["restarts"] == 0


def test_the_other_releases_pipeline_does_not_answer(run: Run) -> None:
    # Its Service has no endpoint: the API server itself answers.
    api_server = ApiServer()
    proxy = f"/api/v1{NAMESPACE}/services/events-2-pipeline-lineage:8081/proxy/jobs/overview"
    api_server.answers[proxy] = Answer(503, "no endpoints available for service", "text/plain")
    result = run(api_server, "--release", "events-2")
    assert result.exit_code == 1
    assert "lineage: Flink does not answer" in result.output
    assert "events-kafka" not in result.output


def test_a_release_that_does_not_exist_is_one_line(run: Run) -> None:
    result = run(ApiServer(), "--release", "other")
    assert result.exit_code == 1
    assert str(result.exception).startswith(
        "namespace data: found no workloads of release other, expected those that `helm install other` cre"
    )


def test_an_api_server_that_refuses_is_an_error_and_not_an_empty_release(run: Run) -> None:
    api_server = ApiServer()
    api_server.answers[f"/api/v1{NAMESPACE}/pods"] = FORBIDDEN
    result = run(api_server, "--release", "events")
    assert result.exit_code == 1
    assert "refused to list /api/v1/namespaces/data/pods" in str(result.exception)


@pytest.mark.parametrize(
    ("refused", "answer"),
    [
        pytest.param(lambda host: host != "localhost", Answer(403, {"errors": ["Forbidden"]}), id="Flink"),
        pytest.param(lambda host: host == "localhost", NO_SUCH_KIND, id="a proxy before the API server"),
    ],
)
def test_a_jobmanager_is_asked_by_a_name_that_it_accepts(
    run: Run, refused: Callable[[str], bool], answer: Answer
) -> None:
    api_server = ApiServer()

    def strict(request: Request) -> Answer:
        proxied = "/proxy/" in request.path
        return answer if proxied and refused(request.headers["Host"]) else api_server(request)

    result = run(strict, "--release", "events", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pipelines"][0]["state"] == "RUNNING"
