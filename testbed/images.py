"""The project's own images as OCI archives, built once for each state of what is in them."""

import os
import ssl
from pathlib import Path

from testbed.cluster import cache, trees
from testbed.cluster.images import DEBIAN_BASE, debian_base

_REPOSITORY = Path(__file__).parents[1]

_DEBIAN_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

NAMES = ("producer", "operator", "flink")
"""The names of `scripts/build-images.sh`."""

_JAVA = "flink_job/java/target"
_SOURCES = {
    "producer": ["scripts/prune_site_packages.py", "common/*", "producer/*"],
    "operator": ["scripts/prune_site_packages.py", "common/*", "operator/*"],
    "flink": [
        "scripts/prune_*.py",
        "scripts/flink-entrypoint.sh",
        "common/*",
        "flink_job/pyproject.toml",
        "flink_job/procstream_job",
        "lineage/*",
        f"{_JAVA}/procstream-flink-*.jar",
        f"{_JAVA}/connectors",
        f"{_JAVA}/opt",
        f"{_JAVA}/plugins",
    ],
}
"""In addition to the files of every image."""


def archives() -> dict[str, Path]:
    """An OCI archive of each, by its name; built on first use, and when something in it has changed."""
    return {name: archive(name) for name in NAMES}


def archive(name: str) -> Path:
    """The OCI archive of `localhost/procstream-NAME`, tagged with the project's version.

    Raises `ProcstreamError` when it cannot be built.
    """
    key = cache.key(debian_base().name, *_sources(name))

    def build(target: Path) -> None:
        with trees.temporary(target.parent) as folder:
            command = [str(_REPOSITORY / "scripts" / "build-images.sh"), "--builder", "buildah"]
            command += ["--only", name, "--base-image", DEBIAN_BASE, "--archive", str(folder)]
            cache.run(f"procstream-{name}", command, env=_certificates())
            (folder / f"procstream-{name}.tar").rename(target)

    current = cache.built(f"procstream-{name}-{key}.tar", f"the image procstream-{name}", build)
    # Every change of a source creates another archive of 60 MB or more.
    for outdated in set(cache.FOLDER.glob(f"procstream-{name}-{'?' * len(key)}.tar")) - {current}:
        outdated.unlink(missing_ok=True)
    return current


def _certificates() -> dict[str, str]:
    """This machine's certificate authorities, for pip inside a build: a mirror may use a private one."""
    named = os.environ.get("CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    found = named or ssl.get_default_verify_paths().cafile or _DEBIAN_CERTIFICATES
    return {"CA_BUNDLE": found} if Path(found).is_file() else {}


def _sources(name: str) -> list[Path]:
    """Its files that `.dockerignore` lets through."""
    paths = [f"Dockerfile.{name}", "requirements/build.txt", f"requirements/{name}.txt", *_SOURCES[name]]
    return [file for path in paths for found in sorted(_REPOSITORY.glob(path)) for file in _files(found)]


def _files(path: Path) -> list[Path]:
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [file for file in found if file.is_file() and file.suffix != ".pyc"]
