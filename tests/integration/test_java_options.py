"""Java options of the embedded stack's Flink: those of every cluster, to which a user's are added."""

import shutil
import subprocess
from pathlib import Path

import psutil
import yaml
from procstream_local.stack import artifacts
from procstream_local.stack.home import Home
from procstream_local.stack.services import flink

DEFAULTS = yaml.safe_load(
    (Path(__file__).parents[2] / "helm" / "procstream" / "files" / "flink-defaults.yaml").read_text()
)["env.java.default-opts.all"].split()


def flink_folder(home: Home) -> Path:
    [conf] = home.path.glob("**/conf/config.yaml")
    return conf.parents[1]


def test_the_processes_have_those_of_every_cluster(home: Home) -> None:
    for name in ("jobmanager", "taskmanager"):
        process = psutil.Process(home.read().processes[name].pid)
        lines = [one.cmdline() for one in (process, *process.children(recursive=True))]
        [java] = [
            line for line in lines if any("org.apache.flink" in part for part in line) and "java" in line[0]
        ]
        assert set(DEFAULTS) <= set(java), name


def test_options_of_a_user_are_added(home: Home, tmp_path: Path) -> None:
    """By Flink's own script, which reads them for each process that it starts."""
    parts = artifacts.find()
    original = flink_folder(home)
    for name in ("conf", "log"):
        shutil.copytree(original / name, tmp_path / name)
    path = tmp_path / "conf" / "config.yaml"
    configuration = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**configuration, "env.java.opts.all": "-Dmy=option"}, width=10_000))
    environment = {**flink.environment(original, parts), "FLINK_CONF_DIR": str(path.parent)}
    script = f". {parts.flink}/bin/config.sh; echo options: $FLINK_ENV_JAVA_OPTS"
    run = subprocess.run(
        ["bash", "-c", script, str(parts.flink / "bin" / "flink")],  # it finds its files beside $0
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = [line for line in run.stdout.splitlines() if line.startswith("options: ")]
    assert "-Dmy=option" in line.split()
    assert set(DEFAULTS) <= set(line.split())
