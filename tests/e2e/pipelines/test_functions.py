"""A pipeline defined in the values, with a Python function."""

import pytest

from tests.e2e.namespaces import Namespace
from tests.e2e.pipelines.release import Pipeline

SHOUT = """\
from pyflink.table.udf import udf


@udf(result_type="STRING")
def shout(text: str) -> str:
    return text.upper() + "!"
"""
VALUES = {
    "enabled": True,
    "parallelism": 1,
    "definition": {
        "name": "loud",
        "sources": {"people": {"topic": "lineage-input", "format": "avro"}},
        "functions": ["my_rules:shout"],
        "query": "SELECT shout(CONCAT('${WORD} ', uuid)) AS loud FROM people",
        "sink": {"print": {}},
        "dropped": {"kafka": {"topic": "dead-letters"}},
    },
    "files": {"my_rules.py": SHOUT},
    "env": {"WORD": "hello"},
}


@pytest.mark.long
def test_its_function_runs(namespace: Namespace) -> None:
    loud = Pipeline(namespace, "loud")
    loud.upgrade(VALUES)
    loud.wait_for_checkpoint(timeout=600)
    loud.wait_for_log("+I[HELLO ", role="taskmanager")
