"""Command lines of the node's processes."""

from testbed.cluster.layout import API_PORT, NODE_ADDRESS, NODE_NAME, POD_RANGE, SERVICE_RANGE, Layout

_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"


def etcd(layout: Layout) -> list[str]:
    """etcd, without fsync."""
    return [
        str(layout.bin / "etcd"),
        f"--name={NODE_NAME}",
        f"--data-dir={layout.state / 'etcd'}",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster={NODE_NAME}={_ETCD_PEER}",
        "--unsafe-no-fsync",  # test data may be lost in a power failure
        "--log-level=warn",
    ]


def containerd(layout: Layout) -> list[str]:
    """The container runtime."""
    return ["containerd", f"--config={layout.configuration / 'containerd.toml'}"]


def api_server(layout: Layout) -> list[str]:
    """kube-apiserver, with RBAC and the default admission plugins."""
    keys = layout.certificates
    return [
        str(layout.bin / "kube-apiserver"),
        f"--advertise-address={NODE_ADDRESS}",
        f"--secure-port={API_PORT}",
        f"--etcd-servers={_ETCD}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",  # the default plugins stay on
        f"--client-ca-file={keys / 'ca.crt'}",
        f"--tls-cert-file={keys / 'apiserver.crt'}",
        f"--tls-private-key-file={keys / 'apiserver.key'}",
        f"--kubelet-client-certificate={keys / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={keys / 'apiserver-kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        f"--proxy-client-cert-file={keys / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={keys / 'front-proxy-client.key'}",
        f"--requestheader-client-ca-file={keys / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={keys / 'sa.pub'}",
        f"--service-account-signing-key-file={keys / 'sa.key'}",
    ]


def controller_manager(layout: Layout) -> list[str]:
    """kube-controller-manager."""
    keys = layout.certificates
    return [
        str(layout.bin / "kube-controller-manager"),
        *_as_client(layout, "controller-manager"),
        "--use-service-account-credentials=true",
        f"--root-ca-file={keys / 'ca.crt'}",
        f"--service-account-private-key-file={keys / 'sa.key'}",
        f"--cluster-signing-cert-file={keys / 'ca.crt'}",
        f"--cluster-signing-key-file={keys / 'ca.key'}",
        f"--client-ca-file={keys / 'ca.crt'}",
        f"--requestheader-client-ca-file={keys / 'front-proxy-ca.crt'}",
        f"--cluster-cidr={POD_RANGE}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
    ]


def scheduler(layout: Layout) -> list[str]:
    """kube-scheduler."""
    return [str(layout.bin / "kube-scheduler"), *_as_client(layout, "scheduler")]


def kubelet(layout: Layout) -> list[str]:
    """The kubelet."""
    return [
        str(layout.bin / "kubelet"),
        f"--config={layout.configuration / 'kubelet.yaml'}",
        f"--kubeconfig={layout.kubeconfigs / 'kubelet.conf'}",
        f"--root-dir={layout.state / 'kubelet'}",
        f"--cert-dir={layout.state / 'kubelet' / 'pki'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
    ]


def kube_proxy(layout: Layout) -> list[str]:
    """kube-proxy."""
    return [str(layout.bin / "kube-proxy"), f"--config={layout.configuration / 'kube-proxy.yaml'}"]


def _as_client(layout: Layout, name: str) -> list[str]:
    kubeconfig = layout.kubeconfigs / f"{name}.conf"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]
