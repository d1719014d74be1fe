"""Python functions of a pipeline: found beside its file or installed, and sent with the job."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from procstream_job.submitting.flink import session
from procstream_job.submitting.flink.functions import FunctionError, check_modules, load_functions

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pyflink")

RULES = """
from pyflink.table.udf import udf

limit = 5


@udf(result_type="BOOLEAN")
def is_risky(amount):
    return amount > limit
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module, under a name of its own: Python keeps what it has imported."""
    (tmp_path / f"rules_{tmp_path.name}.py").write_text(RULES)
    (tmp_path / f"broken_{tmp_path.name}.py").write_text("1 / 0\n")
    return tmp_path


def named(folder: Path, name: str) -> str:
    return f"rules_{folder.name}:{name}"


def test_a_function_beside_the_file_is_found_and_sent(folder: Path) -> None:
    before = list(sys.path)
    check_modules([named(folder, "is_risky")], folder)
    [function] = load_functions([named(folder, "is_risky")], folder)
    assert function.name == "is_risky"
    assert function.file == folder / f"rules_{folder.name}.py"
    assert sys.path == before


def test_an_installed_function_is_not_sent(folder: Path) -> None:
    [function] = load_functions(["procstream_job.rules.fraud:risk_score"], folder)
    assert function.file is None
    [function] = load_functions(["procstream_job.rules.fraud:risk_score"], None)
    assert function.file is None


def test_looking_for_a_module_does_not_run_it(folder: Path) -> None:
    check_modules([f"broken_{folder.name}:rule"], folder)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (
            "rules_{0}:is_risk",
            r"functions\[0\]: module rules_{0} has no 'is_risk'; did you mean 'is_risky'\?",
        ),
        ("rules_{0}:limit", r"functions\[0\]: rules_{0}:limit is a int; expected a function with PyFlink's"),
        ("broken_{0}:rule", r"functions\[0\]: importing broken_{0} failed: ZeroDivisionError"),
        (
            "nowhere_{0}:rule",
            r"functions\[0\]: there is no module 'nowhere_{0}'; expected /.*, or an install",
        ),
    ],
)
def test_a_function_that_cannot_be_used_is_named(folder: Path, function: str, expected: str) -> None:
    with pytest.raises(FunctionError, match=expected.format(folder.name)):
        load_functions([function.format(folder.name)], folder)


class Environment:
    def __init__(self) -> None:
        self.functions: list[str] = []
        self.files: list[str] = []
        self.options: dict[str, str] = {}

    def create_temporary_system_function(self, name: str, _udf: Any) -> None:
        self.functions.append(name)

    def add_python_file(self, path: str) -> None:
        self.files.append(path)

    def get_config(self) -> Any:
        return SimpleNamespace(set=self.options.__setitem__)


def plan(folder: Path | None, *functions: str, **env: str) -> Any:
    return SimpleNamespace(pipeline=SimpleNamespace(functions=list(functions)), folder=folder, env=env)


@pytest.fixture
def flink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "flink"
    (home / "opt").mkdir(parents=True)
    (home / "opt" / "flink-python-2.3.0.jar").touch()
    monkeypatch.setitem(os.environ, "FLINK_HOME", str(home))
    return home


def test_a_client_of_its_own_sends_the_jar_that_runs_python(folder: Path, flink: Path) -> None:
    environment = Environment()
    session._add_functions(environment, plan(folder, named(folder, "is_risky")))
    assert environment.functions == ["is_risky"]
    assert environment.files == [str(folder / f"rules_{folder.name}.py")]
    assert environment.options["pipeline.jars"] == (flink / "opt" / "flink-python-2.3.0.jar").as_uri()
    assert environment.options["python.executable"] == sys.executable
    assert environment.options["python.client.executable"] == sys.executable


def test_in_an_application_cluster_flink_has_it(folder: Path, flink: Path) -> None:
    environment = Environment()
    session._add_functions(
        environment, plan(None, "procstream_job.rules.fraud:risk_score", PYFLINK_GATEWAY_PORT="1")
    )
    assert environment.functions == ["risk_score"]
    assert environment.files == []
    assert environment.options == {}


def test_a_pipeline_without_functions_sends_nothing(flink: Path) -> None:
    environment = Environment()
    session._add_functions(environment, plan(None))
    assert environment.options == {}
