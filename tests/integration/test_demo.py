"""`procstream demo` as a user runs it: one command with its own stack, and nothing is left running."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from procstream_local.stack.home import Home

PROCSTREAM = Path(sys.executable).with_name("procstream")
ADDRESSES = ("KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "FLINK_ADDRESS", "PROCSTREAM_HOME")
LAST_LINE = re.compile(
    r"demo: produced=(\d+) committed=(\d+) dropped=(\d+) missing=(\d+) doubled=(\d+) unlogged=(\d+)"
)


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(own_home: Path) -> "subprocess.CompletedProcess[str]":
    """The first demo, to its end."""
    demo = start(own_home, "--duration", "10", "--rate", "50")
    output, errors = demo.communicate(timeout=300)
    return subprocess.CompletedProcess(demo.args, demo.returncode, output, errors)


def start(own_home: Path, *arguments: str) -> "subprocess.Popen[str]":
    env = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
    return subprocess.Popen(
        [PROCSTREAM, "demo", *arguments],
        env={**env, "PROCSTREAM_HOME": str(own_home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def counts(output: str) -> dict[str, int]:
    line = output.strip().splitlines()[-1]
    found = LAST_LINE.fullmatch(line)
    assert found, output
    names = ("produced", "committed", "dropped", "missing", "doubled", "unlogged")
    return dict(zip(names, map(int, found.groups()), strict=True))


def left_behind(own_home: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        environment = process.info["environ"] or {}
        if environment.get("PROCSTREAM_HOME") == str(own_home):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def test_demo_proves_what_it_produced_and_ends_with_nothing_left(
    own_home: Path, first: "subprocess.CompletedProcess[str]"
) -> None:
    output = first.stdout
    assert first.returncode == 0, output + first.stderr
    found = counts(output)
    # How many depends on how fast the machine starts them: more than the sampler alone sends in that time.
    assert found["produced"] == found["committed"] > 2 * 10
    assert found["dropped"] == found["missing"] == found["doubled"] == found["unlogged"] == 0
    assert "first verified Parquet" in output
    assert "CPU use of" in output
    assert left_behind(own_home) == []


@pytest.mark.long
@pytest.mark.usefixtures("first")
def test_a_second_demo_resumes_where_the_first_ended_and_ends_by_ctrl_c(own_home: Path) -> None:
    before = Home(own_home).read().pipelines["lineage"].job_id
    demo = start(own_home, "--rate", "50")
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "first verified Parquet" in line:
            demo.send_signal(signal.SIGINT)
            break
    rest, errors = demo.communicate(timeout=120)
    output = "".join(lines) + rest
    assert demo.returncode == 0, output + errors
    found = counts(output)
    assert found["produced"] == found["committed"] > 2 * 10
    assert found["doubled"] == 0
    assert "pipeline lineage" in output
    assert "resumes from chk-" in output
    assert Home(own_home).read().pipelines["lineage"].job_id != before
    assert left_behind(own_home) == []
