"""A cluster as the tests use it, with programs that stand in for kubectl, helm and a loader."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError

from testbed.cluster import attach, containers
from testbed.cluster.client import LOAD_VARIABLE, Cluster


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.touch()
    return path


def cluster(kubeconfig: Path, kubectl: str) -> Cluster:
    program = script(kubeconfig.with_name("kubectl"), kubectl)
    return Cluster(kubeconfig, program, program, node_name="node")


def archive(path: Path, *manifests: dict[str, object]) -> Path:
    index = json.dumps({"manifests": manifests}).encode()
    member = tarfile.TarInfo("index.json")
    member.size = len(index)
    with tarfile.open(path, "w") as tar:
        tar.addfile(member, io.BytesIO(index))
    return path


def test_kubectl_gets_its_arguments_its_input_and_the_clusters_configuration(kubeconfig: Path) -> None:
    found = cluster(kubeconfig, 'echo "$1 $KUBECONFIG"; cat').run("apply", stdin="objects")
    assert found.stdout == f"apply {kubeconfig}\nobjects"


def test_a_failure_is_an_error_with_the_command_unless_it_is_expected(kubeconfig: Path) -> None:
    broken = cluster(kubeconfig, "echo 'no such pod' >&2; exit 1")
    with pytest.raises(ProcstreamError, match=r"^kubectl get 'a b': no such pod$"):
        broken.run("get", "a b")
    assert broken.run("get", check=False).stderr == "no such pod\n"


def test_a_command_that_hangs_is_an_error(kubeconfig: Path) -> None:
    with pytest.raises(ProcstreamError, match=r"kubectl get: still running after 0\.1 s"):
        cluster(kubeconfig, "exec sleep 60").run("get", timeout=0.1)


def test_another_cluster_loads_images_with_its_own_command(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = cluster(kubeconfig, "exit 1")
    monkeypatch.delenv(LOAD_VARIABLE, raising=False)
    with pytest.raises(ProcstreamError, match=f"name a command for it in {LOAD_VARIABLE}"):
        other.load(tmp_path / "a.tar")
    loader = script(tmp_path / "loader", f'echo "$@" >> {tmp_path}/loaded')
    monkeypatch.setenv(LOAD_VARIABLE, f"{loader} load 'image archive'")
    other.load(tmp_path / "a.tar", tmp_path / "b.tar")
    assert (tmp_path / "loaded").read_text().splitlines() == [
        f"load image archive {tmp_path}/{name}.tar" for name in "ab"
    ]
    script(loader, "echo 'no space left' >&2; exit 1")
    with pytest.raises(ProcstreamError, match=r"a\.tar: no space left"):
        other.load(tmp_path / "a.tar")


def test_the_cluster_of_kubeconfig_is_used_with_the_programs_of_path(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(ProcstreamError, match="kubectl: not found on PATH"):
        attach({"KUBECONFIG": str(kubeconfig)})
    script(programs / "kubectl", "echo first second")
    script(programs / "helm", "")
    found = attach({"KUBECONFIG": str(kubeconfig)})
    assert (found.node_name, found.kubectl, found.containerd) == ("first", programs / "kubectl", None)
    script(programs / "kubectl", "")
    with pytest.raises(ProcstreamError, match="the cluster has no node"):
        attach({"KUBECONFIG": str(kubeconfig)})
    with pytest.raises(ProcstreamError, match="no such file"):
        attach({"KUBECONFIG": str(tmp_path / "absent")})


def test_an_archive_names_its_image(tmp_path: Path) -> None:
    named = {"digest": "sha256:1", "annotations": {"org.opencontainers.image.ref.name": "localhost/a:1"}}
    assert containers.image(archive(tmp_path / "one.tar", named)) == ("localhost/a:1", "sha256:1")
    assert containers.image(archive(tmp_path / "two.tar", named, named)) is None
    assert containers.image(archive(tmp_path / "unnamed.tar", {"digest": "sha256:1"})) is None
    (tmp_path / "text.tar").write_text("text")
    with pytest.raises(ProcstreamError, match=r"text\.tar: expected an OCI archive"):
        containers.image(tmp_path / "text.tar")


def test_only_images_that_are_missing_or_of_another_version_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def image(name: str, digest: str) -> Path:
        annotations = {"org.opencontainers.image.ref.name": f"localhost/{name}:1"}
        return archive(tmp_path / f"{name}.tar", {"digest": digest, "annotations": annotations})

    present = (
        "REF TYPE DIGEST SIZE\nlocalhost/same:1 oci sha256:1 1 MiB\nlocalhost/older:1 oci sha256:0 1 MiB"
    )
    log = tmp_path / "log"
    script(
        tmp_path / "ctr",
        f"case \"$*\" in *'images list') printf '{present}';; *) echo \"$*\" >> {log};; esac",
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    archives = [image("same", "sha256:1"), image("older", "sha256:1"), image("missing", "sha256:1")]
    containers.load(tmp_path / "socket", archives)
    options = f"--address={tmp_path}/socket --namespace=k8s.io images import"
    assert log.read_text().splitlines() == [f"{options} {path}" for path in archives[1:]]
