"""Files of the node: its configuration, its certificates and its first manifests."""

import string
import subprocess
from pathlib import Path

import yaml
from procstream_common.errors import ProcstreamError

from testbed.cluster import images, layout, programs
from testbed.cluster.layout import Layout

_PACKAGE = Path(__file__).parent
# With systemd-resolved, the server in /etc/resolv.conf is not reachable from pods.
_RESOLV_CONF = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


class _Template(string.Template):
    delimiter = "@"  # leaves a shell's variables as they are


def write(node: Layout) -> None:
    """Write all files. Certificates are written once, because clients keep them."""
    values = {
        "state": str(node.state),
        "node_name": layout.NODE_NAME,
        "node_address": layout.NODE_ADDRESS,
        "pod_range": layout.POD_RANGE,
        "service_range": layout.SERVICE_RANGE,
        "dns_address": layout.DNS_ADDRESS,
        "network": layout.NETWORK,
        "bridge": layout.BRIDGE,
        "resolv_conf": str(next(path for path in _RESOLV_CONF if path.exists())),
        "kubernetes_version": programs.KUBERNETES_VERSION,
        "coredns_version": images.COREDNS_VERSION,
        "provisioner_version": images.PROVISIONER_VERSION,
    }
    for folder in ("configuration", "manifests"):
        for template in (_PACKAGE / folder).rglob("*.*"):
            text = _Template(template.read_text()).substitute(values)
            _replace(node.state / template.relative_to(_PACKAGE), text)
    _replace(node.manifests / "coredns.yaml", _coredns(node))
    last = node.kubeconfigs / "kube-proxy.conf"
    if not last.exists():
        _make_certificates(node, last)


def _replace(path: Path, text: str) -> None:
    # kube-proxy exits when its file is written, even with the same content.
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _make_certificates(node: Layout, last: Path) -> None:
    _kubeadm(node, "init", "phase", "certs", "all")
    _kubeadm(node, "init", "phase", "kubeconfig", "all", f"--kubeconfig-dir={node.kubeconfigs}")
    text = _kubeadm(node, "kubeconfig", "user", "--client-name=system:kube-proxy")
    last.touch(mode=0o600)
    last.write_text(text)


def _coredns(node: Layout) -> str:
    text = _kubeadm(node, "init", "phase", "addon", "coredns", "--print-manifest")
    documents = [document for document in yaml.safe_load_all(text) if document]
    for document in documents:
        if document["kind"] == "Deployment":
            document["spec"]["replicas"] = 1  # a second replica on the same node is useless
    return yaml.safe_dump_all(documents)


def _kubeadm(node: Layout, *arguments: str) -> str:
    config = f"--config={node.configuration / 'kubeadm.yaml'}"
    result = subprocess.run(
        [node.bin / "kubeadm", *arguments, config], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise ProcstreamError(f"kubeadm {' '.join(arguments)}: {result.stderr.strip().splitlines()[-1]}")
    return result.stdout
