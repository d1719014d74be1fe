#!/usr/bin/env python3
"""Remove what nothing reads from the packages of an image.

Run it with the interpreter of the environment to prune:

    /opt/procstream/bin/python -B scripts/prune_site_packages.py

Only the byte code of third-party modules stays: tracebacks contain their files and line numbers, but not the
lines. procstream's own packages keep their sources.
"""

import importlib.util
import py_compile
import random
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

AWS_SERVICES = frozenset({"signin", "sso", "sso-oidc", "sts"})
"""Services that botocore's credential providers call. S3 is added where s3fs is installed."""

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def main() -> None:
    """Prune, strip and compile."""
    for unread in (*faker_locales(), *aws_services(), *lexers(), *tests()):
        if unread.is_dir():
            shutil.rmtree(unread)
        else:
            unread.unlink()
    subprocess.run(["strip", "--strip-unneeded", *libraries()], check=True)  # noqa: S607 - binutils' one
    for source in list(SITE_PACKAGES.rglob("*.py")):
        compile_module(source)


def faker_locales() -> Iterator[Path]:
    """Folders of locales that the sample people do not use (most of 14 MB)."""
    if importlib.util.find_spec("faker") is None:
        return
    from procstream_producer.generators.people import People

    People(random.Random(0))  # noqa: S311 - only for its imports
    for module in (SITE_PACKAGES / "faker" / "providers").glob("*/*/__init__.py"):
        locale = module.parent
        if ".".join(locale.relative_to(SITE_PACKAGES).parts) not in sys.modules:
            yield locale


def aws_services() -> Iterator[Path]:
    """Folders of service models (most of 28 MB). The files beside them contain the regions."""
    asked = AWS_SERVICES | ({"s3"} if importlib.util.find_spec("s3fs") else set())
    for models in (SITE_PACKAGES / "botocore" / "data", SITE_PACKAGES / "boto3" / "data"):
        for model in models.glob("*/"):
            if model.name not in asked:
                yield model


def lexers() -> Iterator[Path]:
    """Pygments' lexers. Pygments is a dependency of rich, and nothing here highlights code."""
    yield from (SITE_PACKAGES / "pygments" / "lexers").glob("[!_]*.py")


def tests() -> Iterator[Path]:
    """Folders of test suites in packages."""
    yield from (folder for name in ("test", "tests") for folder in SITE_PACKAGES.glob(f"*/{name}/"))


def libraries() -> Iterator[Path]:
    """Native libraries, except NumPy's OpenBLAS, whose segments `strip` would misalign."""
    for path in SITE_PACKAGES.rglob("*"):
        if ".so" in path.suffixes and path.is_file() and path.parent.name != "numpy.libs":
            yield path


def compile_module(source: Path) -> None:
    """Write byte code that is never compared with its source: not every builder keeps modification times."""
    own = source.relative_to(SITE_PACKAGES).parts[0].startswith("procstream_")
    py_compile.compile(
        str(source),
        cfile=None if own else str(source.with_suffix(".pyc")),
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not own:
        source.unlink()


if __name__ == "__main__":
    main()
