"""The environment of Flink's client."""

from collections.abc import Mapping
from pathlib import Path

from procstream_common.lake import home

# The JVM lives for seconds: what compiles and starts fast wins over what runs fast later.
_SHORT_LIVED_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"


def client_environment(env: Mapping[str, str], pyflink: Path) -> dict[str, str]:
    """Environment variables that PyFlink needs, where `env` does not have them already."""
    if "PYFLINK_GATEWAY_PORT" in env:
        return {}  # the JVM runs: Flink's own driver started us
    log_dir = Path(env.get("FLINK_LOG_DIR") or home(env) / "logs")
    log_dir.mkdir(parents=True, exist_ok=True)
    return {
        # Without it PyFlink uses the jars beside its own package, whatever FLINK_LIB_DIR says.
        "FLINK_HOME": env.get("FLINK_HOME") or str(pyflink),
        "FLINK_LOG_DIR": str(log_dir),
        "JVM_ARGS": f"{_SHORT_LIVED_JVM} {env.get('JVM_ARGS', '')}".strip(),
        # PyFlink treats every environment as a local one and would start a server for Python
        # functions in this process, which loads Apache Beam: three seconds.
        "_python_worker_execution_mode": "process",
    }
