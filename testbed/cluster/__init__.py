"""A real Kubernetes cluster: one node of plain processes on this machine.

`start` takes minutes the first time, because it builds the programs, and seconds later. `attach` uses another
cluster.
"""

from testbed.cluster.client import Cluster, attach
from testbed.cluster.node import running, start, stop

__all__ = ["Cluster", "attach", "running", "start", "stop"]
