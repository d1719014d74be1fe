"""The operator's metrics."""

import re

import httpx

from tests.e2e.namespaces import Namespace
from tests.integration.conftest import free_port


def metrics(namespace: Namespace, pod: str) -> str:
    """The text of an operator's pod."""
    with namespace.forwarded(f"pod/{pod}", 8080, free_port()) as port:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text


def total(text: str, name: str, **labels: str) -> float:
    """Sum of a metric's series that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if re.match(rf"{name}[{{ ]", line) and all(label in line for label in wanted)
    )
