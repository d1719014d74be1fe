"""A real Kubernetes for the tests: one node, made of plain processes of this machine.

`start` brings it up (minutes the first time, when its programs are built; seconds from then on) and
`stop` takes it down; `attach` is for a cluster that somebody else runs.
"""

from testbed.cluster.client import Cluster, attach
from testbed.cluster.node import running, start, stop

__all__ = ["Cluster", "attach", "running", "start", "stop"]
