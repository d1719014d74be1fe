"""Where the parts of a node are: its folders and its addresses."""

import os
from dataclasses import dataclass
from pathlib import Path

from procstream_local.artifacts import cache_folder

STATE = cache_folder() / "cluster"
"""The state folder, unless another one is asked for."""

NODE_NAME = "node"
NODE_ADDRESS = "10.200.0.1"
POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
DNS_ADDRESS = "10.96.0.10"
API_PORT = 6443
PORTS = frozenset({2379, 2380, API_PORT, 10248, 10249, 10250, 10256, 10257, 10259})
"""All that the processes listen on: etcd, the API server, kubelet, kube-proxy, controllers, scheduler."""

# Names on the host that are ours alone.
BRIDGE = "procstream0"
NETWORK = "procstream"


@dataclass(frozen=True)
class Layout:
    """Paths below the state folder."""

    state: Path

    @property
    def bin(self) -> Path:
        """Links to the programs."""
        return self.state / "bin"

    @property
    def certificates(self) -> Path:
        """As kubeadm lays them out."""
        return self.state / "certificates"

    @property
    def kubeconfigs(self) -> Path:
        """A file for each client: `admin.conf`, `kubelet.conf`, …"""
        return self.state / "kubeconfigs"

    @property
    def kubeconfig(self) -> Path:
        """For the tests: every right, without any binding."""
        return self.kubeconfigs / "super-admin.conf"

    @property
    def configuration(self) -> Path:
        """Rendered from the package's `configuration/`."""
        return self.state / "configuration"

    @property
    def manifests(self) -> Path:
        """What every node begins with: rendered from the package's `manifests/`, and CoreDNS."""
        return self.state / "manifests"

    @property
    def containerd(self) -> Path:
        """The address of containerd."""
        return self.state / "containerd" / "containerd.sock"

    @property
    def leases(self) -> Path:
        """Addresses that pods have."""
        return self.state / "network"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which kubectl, helm and ctr of a shell are those of this node."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.kubeconfig),
            "CONTAINERD_ADDRESS": str(self.containerd),
            "CONTAINERD_NAMESPACE": "k8s.io",
        }
