#!/usr/bin/env python3
"""Remove from an image's packages what nothing there reads.

Run with the interpreter of the environment that is to be pruned:

    /opt/procstream/bin/python -B scripts/prune_site_packages.py

Tracebacks still name file and line of a third-party module, but cannot show the line: of those only the
byte code stays. procstream's own packages keep their sources.
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
"""What botocore's credential providers call; beside them, S3 is asked where s3fs is there."""

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
    """Folders of the locales that drawing the sample people does not import (of 14 MB of names)."""
    if importlib.util.find_spec("faker") is None:
        return
    from procstream_producer.generators.people import People

    People(random.Random(0))  # noqa: S311 - for its imports alone
    for module in (SITE_PACKAGES / "faker" / "providers").glob("*/*/__init__.py"):
        locale = module.parent
        if ".".join(locale.relative_to(SITE_PACKAGES).parts) not in sys.modules:
            yield locale


def aws_services() -> Iterator[Path]:
    """Folders of the services' models (of 28 MB); the files beside them hold the regions."""
    asked = AWS_SERVICES | ({"s3"} if importlib.util.find_spec("s3fs") else set())
    for models in (SITE_PACKAGES / "botocore" / "data", SITE_PACKAGES / "boto3" / "data"):
        for model in models.glob("*/"):
            if model.name not in asked:
                yield model


def lexers() -> Iterator[Path]:
    """The languages that Pygments can highlight: rich brings it, and nothing here is highlighted."""
    yield from (SITE_PACKAGES / "pygments" / "lexers").glob("[!_]*.py")


def tests() -> Iterator[Path]:
    """Folders of test suites that packages bring along."""
    yield from (folder for name in ("test", "tests") for folder in SITE_PACKAGES.glob(f"*/{name}/"))


def libraries() -> Iterator[Path]:
    """Native libraries; not NumPy's OpenBLAS, whose segments strip would move off their pages."""
    for path in SITE_PACKAGES.rglob("*"):
        if ".so" in path.suffixes and path.is_file() and path.parent.name != "numpy.libs":
            yield path


def compile_module(source: Path) -> None:
    """Byte code that is never compared with its source: not every builder keeps the files' times."""
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
