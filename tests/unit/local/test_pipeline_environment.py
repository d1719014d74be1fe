import pytest
from procstream_common.errors import ProcstreamError
from procstream_local.pipelines.environment import Remembered, recall, remember

STACK = {
    "PROCSTREAM_HOME": "/home",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "SCHEMA_REGISTRY_URL": "http://127.0.0.1:8080/apis/ccompat/v7",
    "POSTGRES_URL": "postgresql://127.0.0.1:5432/procstream",
    "POSTGRES_USER": "procstream",
    "POSTGRES_PASSWORD": "of the stack",
}
ELSEWHERE = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "me",
    "KAFKA_SASL_PASSWORD": "hidden",
}


def test_variables_of_the_stack_itself_are_not_recorded() -> None:
    assert remember({**STACK, "PATH": "/bin"}, [], STACK) == Remembered({}, [])


def test_variables_of_another_cluster_are_recorded_without_its_secrets() -> None:
    found = remember({**STACK, **ELSEWHERE}, [], STACK)
    assert found.secrets == ["KAFKA_SASL_PASSWORD"]
    assert found.variables == {key: text for key, text in ELSEWHERE.items() if "PASSWORD" not in key}
    assert "hidden" not in repr(found)


def test_parameters_of_the_file_and_lake_paths_are_recorded() -> None:
    env = {"KAFKA_TOPIC": "mine", "API_TOKEN": "hidden", "OUTPUT_PATH": "/lake", "OTHER": "x"}
    assert remember(env, ["KAFKA_TOPIC", "API_TOKEN", "UNSET"], STACK) == Remembered(
        {"KAFKA_TOPIC": "mine", "OUTPUT_PATH": "/lake"}, ["API_TOKEN"]
    )


def test_a_pipeline_of_another_cluster_is_restarted_there() -> None:
    remembered = remember({**STACK, **ELSEWHERE}, [], STACK)
    env = recall(remembered, {"PATH": "/bin", "KAFKA_SASL_PASSWORD": "hidden", **STACK}, [], STACK)
    assert env == {**STACK, **ELSEWHERE, "PATH": "/bin"}


def test_a_missing_secret_is_named() -> None:
    remembered = remember({**STACK, **ELSEWHERE}, [], STACK)
    with pytest.raises(ProcstreamError, match=r"KAFKA_SASL_PASSWORD.*set it in the environment"):
        recall(remembered, STACK, [], STACK)


def test_variables_of_the_current_shell_do_not_change_what_a_pipeline_reads() -> None:
    now = {"KAFKA_TOPIC": "another", "OUTPUT_PATH": "/another", **ELSEWHERE}
    assert recall(Remembered({}, []), {**now, "PATH": "/bin"}, ["KAFKA_TOPIC"], STACK) == {
        **STACK,
        "PATH": "/bin",
    }


def test_the_new_ports_of_the_stack_are_used() -> None:
    moved = {**STACK, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:12345"}
    env = recall(remember(STACK, [], STACK), STACK, [], moved)
    assert env["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:12345"


def test_the_stacks_password_is_not_sent_to_another_database() -> None:
    remembered = Remembered({"POSTGRES_URL": "postgresql://db.example/x"}, [])
    env = recall(remembered, {}, [], STACK)
    assert {name: text for name, text in env.items() if name.startswith("POSTGRES_")} == {
        "POSTGRES_URL": "postgresql://db.example/x"
    }
    assert env["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9092"
