"""Images of the node, built by buildah without any registry and kept as OCI archives."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from testbed.cluster import cache, debian, packages, programs, trees

DEBIAN_BASE = "localhost/debian:bookworm-slim"
"""Base of the images for the tests."""
BUSYBOX = "localhost/busybox:static"
PAUSE = "localhost/pause:1"
COREDNS_VERSION = "v1.13.1"
COREDNS = f"localhost/coredns:{COREDNS_VERSION}"
PROVISIONER_VERSION = "v0.0.30"
PROVISIONER = f"localhost/local-path-provisioner:{PROVISIONER_VERSION}"

_RECIPE_LABEL = "procstream.recipe"

_BUSYBOX_FILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "busybox --install -s /bin && mkdir -m 1777 /tmp"]
CMD ["sh"]
"""
_DEBIAN_FILE = """\
FROM scratch
ADD root.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["bash"]
"""


def archives() -> list[Path]:
    """An OCI archive of each image that the node needs; built on first use."""
    return [
        _of_program(PAUSE, programs.PAUSE, user="65535:65535"),
        _of_program(COREDNS, programs.COREDNS),
        _of_program(PROVISIONER, programs.PROVISIONER),
        busybox(),
        debian_base(),
    ]


def busybox() -> Path:
    """The OCI archive of `localhost/busybox:static`; its resolver cannot resolve names of a cluster."""
    binary = Path("/bin/busybox")
    return _archive(
        BUSYBOX,
        cache.key(_BUSYBOX_FILE, binary),
        _BUSYBOX_FILE,
        lambda context: shutil.copy(binary, context / "busybox"),
    )


def debian_base() -> Path:
    """The OCI archive of `localhost/debian:bookworm-slim`, also in buildah's store when this returns.

    Its name changes with its recipe. Needs root the first time.
    """
    packages.install()
    key = cache.key(_DEBIAN_FILE, Path(debian.__file__))
    archive = _archive(
        DEBIAN_BASE,
        key,
        _DEBIAN_FILE,
        lambda context: debian.make_root(context / "root.tar"),
        notice="the Debian base image (about a minute)",
    )
    if not _is_in_store(DEBIAN_BASE, key):
        cache.run(DEBIAN_BASE, ["buildah", "pull", "--quiet", f"oci-archive:{archive}"])
    return archive


def _of_program(reference: str, program: programs.Program, user: str = "0:0") -> Path:
    binary = programs.build(program)
    path = f"/usr/bin/{program.name}"
    containerfile = f'FROM scratch\nCOPY {binary.name} {path}\nUSER {user}\nENTRYPOINT ["{path}"]\n'
    return _archive(
        reference,
        cache.key(containerfile),  # the program's file name contains its own key
        containerfile,
        lambda context: shutil.copy(binary, context / binary.name),
    )


def _archive(
    reference: str, key: str, containerfile: str, fill: Callable[[Path], object], notice: str | None = None
) -> Path:
    def build(target: Path) -> None:
        with trees.temporary(target.parent) as context:
            (context / "Containerfile").write_text(containerfile)
            fill(context)
            command = ["buildah", "build", "--quiet", "--isolation", "chroot", "--pull=never"]
            command += ["--label", f"{_RECIPE_LABEL}={key}", "--tag", reference, str(context)]
            cache.run(reference, command)
        destination = f"oci-archive:{target}:{reference}"
        cache.run(reference, ["buildah", "push", "--quiet", reference, destination])

    name = reference.rpartition("/")[2].partition(":")[0]
    return cache.built(f"{name}-{key}.tar", notice or f"the image {reference}", build)


def _is_in_store(reference: str, key: str) -> bool:
    command = ["buildah", "images", "--quiet", "--filter", f"label={_RECIPE_LABEL}={key}"]
    command += ["--filter", f"reference={reference}"]
    return bool(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
