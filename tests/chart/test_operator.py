"""The operator's Deployment and what it may do."""

from typing import Any

from tests.chart.rendering import Chart, Rendered

EXTERNAL = {
    "kafka": {"enabled": False, "external": {"bootstrapServers": "kafka:9093", "tlsSecret": "kafka-tls"}},
    "registry": {"enabled": False, "external": {"url": "http://registry:8080"}},
    "minio": {"enabled": False},
    "generators": {"lineage-input": {"enabled": False}},
    "pipelines": {"lineage": {"enabled": False}, "procstat-lineage": {"enabled": False}},
}


def deployment(rendered: Rendered) -> dict[str, Any]:
    return dict(rendered.of("Deployment")["operator"]["spec"])


def pod(rendered: Rendered) -> dict[str, Any]:
    return dict(deployment(rendered)["template"]["spec"])


def rules(rendered: Rendered, kind: str = "Role") -> dict[str, Any]:
    """By resource: the rule about it."""
    [role] = [one for name, one in rendered.of(kind).items() if name.endswith("operator")]
    return {resource: rule for rule in role["rules"] for resource in rule["resources"]}


def test_one_replica_runs_at_a_time(everything: Rendered) -> None:
    assert deployment(everything)["replicas"] == 1
    assert deployment(everything)["strategy"] == {"type": "Recreate"}
    assert "operator" not in everything.of("PodDisruptionBudget")


def test_a_new_version_of_the_chart_alone_restarts_nothing(local: Rendered) -> None:
    labels = deployment(local)["template"]["metadata"]["labels"]
    assert not any("version" in name or "chart" in name for name in labels)
    assert deployment(local)["selector"]["matchLabels"].items() <= labels.items()


def test_certificates_are_those_of_an_external_kafka(chart: Chart) -> None:
    def tls(rendered: Rendered) -> list[Any]:
        return [one.get("secret") for one in pod(rendered)["volumes"] if one["name"] == "tls"]

    external = chart.render(EXTERNAL)
    assert tls(external) == [{"secretName": "kafka-tls", "defaultMode": 0o440}]
    [container] = pod(external)["containers"]
    assert {"name": "tls", "mountPath": "/etc/procstream/tls", "readOnly": True} in container["volumeMounts"]
    assert "kafka-tls" in rules(external)["secrets"]["resourceNames"]
    own = chart.render(
        {"kafka": {"external": {"tlsSecret": "kafka-tls"}}, "minio": {"rootPassword": "not-a-secret"}}
    )
    assert tls(own) == []
    assert "secrets" not in rules(own)


def test_options_reach_the_pod(chart: Chart) -> None:
    spread = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
    options = {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": spread,
        "priorityClassName": "high",
        "podAnnotations": {"one": "annotation"},
        "resyncSeconds": 1500000,
    }
    rendered = chart.render({**EXTERNAL, "imagePullSecrets": [{"name": "pull"}], "operator": options})
    found = pod(rendered)
    for name in ("nodeSelector", "tolerations", "topologySpreadConstraints", "priorityClassName"):
        assert found[name] == options[name]
    assert found["imagePullSecrets"] == [{"name": "pull"}]
    assert deployment(rendered)["template"]["metadata"]["annotations"] == {"one": "annotation"}
    [container] = found["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert variables["RESYNC_SECONDS"] == "1500000"
    assert "WATCH_ALL_NAMESPACES" not in variables


def test_it_runs_by_its_own_account_with_a_token(everything: Rendered) -> None:
    found = pod(everything)
    assert found["automountServiceAccountToken"] is True
    assert found["serviceAccountName"] in {
        one["metadata"]["name"] for one in everything.of("ServiceAccount").values()
    }
    assert found["securityContext"]["runAsUser"] == 10001


def test_its_permissions_are_what_the_handlers_need(chart: Chart) -> None:
    found = {resource: set(rule["verbs"]) for resource, rule in rules(chart.render(EXTERNAL)).items()}
    assert found == {
        "topics": {"list", "watch", "patch"},
        "schemas": {"list", "watch", "patch"},
        "procstatproducers": {"list", "watch"},
        "topics/status": {"patch"},
        "schemas/status": {"patch"},
        "procstatproducers/status": {"patch"},
        "daemonsets": {"get", "list", "watch", "create", "patch"},
        "events": {"create"},
        "configmaps": {"get"},
        "secrets": {"get"},
    }


def test_it_may_read_the_connection_and_what_the_values_name(chart: Chart) -> None:
    named = {"readableConfigMaps": ["settings"], "readableSecrets": ["login"]}
    found = rules(chart.render({**EXTERNAL, "operator": named}))
    assert set(found["configmaps"]["resourceNames"]) == {"events-procstream-connection", "settings"}
    assert "login" in found["secrets"]["resourceNames"]


def test_the_whole_cluster_takes_a_cluster_role(everything: Rendered) -> None:
    found = rules(everything, "ClusterRole")
    assert "resourceNames" not in found["configmaps"], "of any name"
    [container] = pod(everything)["containers"]
    assert {"name": "WATCH_ALL_NAMESPACES", "value": "true"} in container["env"]
