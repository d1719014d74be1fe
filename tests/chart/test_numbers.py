"""Helm reads numbers as floating point: one that is large must not become 1e+06."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.conftest import EVERYTHING
from tests.chart.rendering import CHART, Chart, Rendered, environment
from tests.chart.workloads import by_name

BIG = 12_000_000
LIMIT = 3_221_225_472
"""3 GiB in bytes."""
VALUES: dict[str, Any] = {
    **EVERYTHING,
    "kafka": {
        "replicas": BIG,
        "controllers": 3,
        "config": {"log.segment.bytes": BIG, "log.retention.bytes": 10 * LIMIT, "a.share": 0.25},
        "storage": {"size": LIMIT},
        "resources": {"limits": {"memory": LIMIT}},
    },
    "registry": {"replicas": BIG},
    "operator": {"resyncSeconds": BIG, "deletionTimeoutSeconds": BIG},
    "producer": {"bufferMaxRecords": BIG},
    "generators": {"orders": {"enabled": True, "env": {"PRODUCER_RATE": BIG}, "args": ["--count", BIG]}},
    "topics": [{"topicName": "big", "partitions": 100_000, "config": {"retention.ms": 604_800_000}}],
    "flink": {
        "configuration": {"state.backend.size": BIG, "a.ratio": 0.000001, "a.flag": True},
        "taskManager": {"slots": BIG},
    },
    "pipelines": {
        "lineage": {
            "enabled": True,
            "parallelism": 3 * BIG,
            "env": {"FRAUD_THRESHOLD": BIG, "SHARE": 0.5},
            "configuration": {"b.size": BIG},
        },
        "own": {
            "enabled": True,
            "definition": {
                "name": "own",
                "parameters": {"LIMIT": BIG},
                "sources": {"people": {"topic": "people", "format": "avro"}},
                "sink": {"print": {}},
                "flink": {"parallelism": BIG},
            },
        },
    },
    "sqlGateway": {
        "enabled": True,
        "configuration": {"c.size": BIG},
        "taskManager": {"slots": BIG, "replicas": BIG},
    },
}


@pytest.fixture(scope="module", params=[True, False])
def big(request: pytest.FixtureRequest, chart: Chart) -> Rendered:
    """Large numbers wherever a number is allowed, with Flink's operator and without."""
    flink = {**VALUES["flink"], "operator": {"enabled": request.param}}
    return chart.render({**VALUES, "flink": flink})


def texts(value: Any) -> Iterator[Any]:
    """Every text and number of an object."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    else:
        yield value


def test_no_number_has_an_exponent(big: Rendered) -> None:
    found = [one for thing in big.objects for one in texts(thing)]
    assert not [
        one for one in found if isinstance(one, str) and re.search(r"(?<![\w.])\d(\.\d+)?e[+-]?\d+\b", one)
    ]
    assert not [one for one in found if isinstance(one, float) and one >= 1000]
    assert BIG in found
    assert str(BIG) in found


def test_options_of_flink_are_as_they_were_given(big: Rendered) -> None:
    if big.of("FlinkDeployment"):
        spec = big.of("FlinkDeployment")["pipeline-lineage"]["spec"]
        found, arguments = spec["flinkConfiguration"], spec["job"]["args"]
        assert spec["job"]["parallelism"] == 3 * BIG
    else:
        found = yaml.safe_load(big.of("ConfigMap")["pipeline-lineage"]["data"]["config.yaml"])
        arguments = by_name(big)["Deployment/pipeline-lineage-jobmanager"].pod["containers"][0]["args"]
        assert big.of("Deployment")["pipeline-lineage-taskmanager"]["spec"]["replicas"] == 3
    assert (found["state.backend.size"], found["b.size"]) == (str(BIG), str(BIG))
    assert (found["a.ratio"], found["a.flag"]) == ("0.000001", "true")
    assert found["taskmanager.numberOfTaskSlots"] == str(BIG)
    assert f"--parallelism={3 * BIG}" in arguments


def test_variables_and_arguments_are_as_they_were_given(big: Rendered) -> None:
    pods = by_name(big)
    [verify] = pods["CronJob/verify-lineage"].pod["containers"]
    assert environment(verify)["FRAUD_THRESHOLD"] == str(BIG)
    assert environment(verify)["SHARE"] == "0.5"
    [generator] = pods["Deployment/generator-orders"].pod["containers"]
    assert environment(generator)["PRODUCER_RATE"] == str(BIG)
    assert generator["args"][-2:] == ["--count", str(BIG)]
    [operator] = pods["Deployment/operator"].pod["containers"]
    assert environment(operator)["RESYNC_SECONDS"] == str(BIG)
    assert environment(operator)["DELETION_TIMEOUT_SECONDS"] == str(BIG)


def test_resources_and_files_are_as_they_were_given(big: Rendered) -> None:
    assert big.of("ProcstatProducer")["nodes"]["spec"]["bufferMaxRecords"] == BIG
    topic = next(one["spec"] for one in big.of("Topic").values() if one["spec"]["topicName"] == "big")
    assert (topic["partitions"], topic["config"]["retention.ms"]) == (100_000, 604_800_000)
    own = yaml.safe_load(big.of("ConfigMap")["pipeline-own-files"]["data"]["own.yaml"])
    assert own == VALUES["pipelines"]["own"]["definition"]
    kafka = big.of("StatefulSet")["kafka"]["spec"]
    assert kafka["replicas"] == BIG
    claim = kafka["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
    assert str(claim) == str(LIMIT)
    properties = big.of("ConfigMap")["kafka"]["data"]["server.properties"].splitlines()
    assert {f"log.segment.bytes={BIG}", f"log.retention.bytes={10 * LIMIT}", "a.share=0.25"} <= set(
        properties
    )


def test_numbers_of_the_command_line_are_the_same(chart: Chart) -> None:
    given = [f"--set=generators.orders.env.PRODUCER_RATE={BIG}", "--set=generators.orders.enabled=true"]
    given += [f"--set=flink.configuration.size={BIG}", "--set=minio.rootPassword=not-a-secret"]
    text = chart.run("template", "events", str(CHART), *given)
    assert f'value: "{BIG}"' in text
    assert f'size: "{BIG}"' in text
