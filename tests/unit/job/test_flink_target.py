from pathlib import Path

import pytest
from procstream_common.errors import ServerError, UnavailableError
from procstream_job.submitting.flink.client import client_environment
from procstream_job.submitting.flink_target import (
    FlinkTarget,
    FlinkTargetError,
    SlotCount,
    flink_target,
    slots,
)

from tests.unit.http_server import HTML, Answer, serving


def conf_dir(folder: Path, text: str) -> dict[str, str]:
    (folder / "config.yaml").write_text(text)
    return {"FLINK_CONF_DIR": str(folder)}


def test_an_address_names_the_cluster() -> None:
    target = flink_target("flink:8081", {})
    assert target.url == "http://flink:8081"
    assert target.options == {"execution.target": "remote", "rest.address": "flink", "rest.port": "8081"}


@pytest.mark.parametrize("address", ["flink", "flink:", ":8081", "flink:http"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(FlinkTargetError, match="expected HOST:PORT"):
        flink_target(address, {})


def test_the_configuration_folder_names_the_cluster(tmp_path: Path) -> None:
    env = conf_dir(
        tmp_path, "execution.target: remote\nrest:\n  address: 127.0.0.1\n  port: 18081\na.b: [x, y]"
    )
    target = flink_target(None, env)
    assert target.address == "127.0.0.1:18081"
    assert target.options["a.b"] == "x;y"


def test_an_address_wins_over_the_configuration_folder(tmp_path: Path) -> None:
    env = conf_dir(tmp_path, "execution.target: remote\nrest.port: 1\nclient.timeout: 5 s")
    target = flink_target("flink:8081", env)
    assert target.address == "flink:8081"
    assert target.options["rest.port"] == "8081"
    assert target.options["client.timeout"] == "5 s"


def test_in_an_application_cluster_flinks_driver_has_the_configuration() -> None:
    assert flink_target(None, {"PYFLINK_GATEWAY_PORT": "1"}).options == {"pipeline.jars": ""}


def test_other_targets_are_left_to_flinks_client(tmp_path: Path) -> None:
    env = conf_dir(tmp_path, "execution.target: kubernetes-session")
    assert flink_target(None, env).address is None


@pytest.mark.parametrize("config", ["", "execution.target: local"])
def test_without_any_cluster_the_error_names_what_to_set(tmp_path: Path, config: str) -> None:
    with pytest.raises(FlinkTargetError, match="set --flink-address HOST:PORT, or FLINK_CONF_DIR"):
        flink_target(None, conf_dir(tmp_path, config))


def test_a_folder_without_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlinkTargetError, match=str(tmp_path / "absent")):
        flink_target(None, {"FLINK_CONF_DIR": str(tmp_path / "absent")})


def test_pyflink_takes_the_jars_of_the_environment_and_starts_no_python_worker(tmp_path: Path) -> None:
    env = {"PROCSTREAM_HOME": str(tmp_path), "JVM_ARGS": "-Xmx1g"}
    given = client_environment(env, Path("/site-packages/pyflink"))
    assert given["FLINK_HOME"] == "/site-packages/pyflink"
    assert given["FLINK_LOG_DIR"] == str(tmp_path / "logs")
    assert given["JVM_ARGS"].endswith(" -Xmx1g")
    assert given["_python_worker_execution_mode"] == "process"


def test_in_an_application_cluster_the_environment_stays_as_it_is() -> None:
    assert client_environment({"PYFLINK_GATEWAY_PORT": "1"}, Path("/p")) == {}


def target_at(url: str) -> FlinkTarget:
    return flink_target(url.removeprefix("http://"), {})


def test_slots_are_those_of_the_overview() -> None:
    with serving(Answer(200, {"slots-total": 8, "slots-available": 3})) as flink:
        assert slots(target_at(flink.url)) == SlotCount(total=8, free=3)
    assert flink.sent == [("GET", "/v1/overview")]


def test_where_only_flinks_client_finds_the_cluster_slots_are_not_known() -> None:
    assert slots(FlinkTarget({})) is None


def test_a_flink_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match=r"^Flink at 127\.0\.0\.1:1 did not answer: "):
        slots(target_at("127.0.0.1:1"))
    with serving(Answer(503, {"errors": ["starting"]})) as flink, pytest.raises(UnavailableError):
        slots(target_at(flink.url))


@pytest.mark.parametrize("answer", [Answer(200, {"other": 1}), Answer(200, []), HTML])
def test_what_is_not_flink_is_told_apart(answer: Answer) -> None:
    with serving(answer) as other, pytest.raises(ServerError) as raised:
        slots(target_at(other.url))
    assert not isinstance(raised.value, UnavailableError)
