"""Folders and addresses of a node."""

import os
from dataclasses import dataclass
from pathlib import Path

from procstream_local.stack.artifacts import cache_folder

STATE = cache_folder() / "cluster"
"""The default state folder."""

NODE_NAME = "node"
NODE_ADDRESS = "10.200.0.1"
POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
DNS_ADDRESS = "10.96.0.10"
API_PORT = 6443
PORTS = frozenset({2379, 2380, API_PORT, 10248, 10249, 10250, 10256, 10257, 10259})
"""Ports of etcd, the API server, the kubelet, kube-proxy, the controller manager and the scheduler."""

# Names on the host that only this node uses.
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
        """Has every permission, without any role binding."""
        return self.kubeconfigs / "super-admin.conf"

    @property
    def configuration(self) -> Path:
        """Rendered from the package's `configuration/`."""
        return self.state / "configuration"

    @property
    def manifests(self) -> Path:
        """The first objects: rendered from the package's `manifests/`, and CoreDNS."""
        return self.state / "manifests"

    @property
    def containerd(self) -> Path:
        """The address of containerd."""
        return self.state / "containerd" / "containerd.sock"

    @property
    def leases(self) -> Path:
        """Addresses given to pods."""
        return self.state / "network"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a shell's kubectl, helm and ctr use this node."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.kubeconfig),
            "CONTAINERD_ADDRESS": str(self.containerd),
            "CONTAINERD_NAMESPACE": "k8s.io",
        }
