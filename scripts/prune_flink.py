#!/usr/bin/env python3
"""Turn a pip-installed Flink into its distribution, without what procstream does not run.

Run it with the interpreter of the environment in which Flink is installed:

    /opt/procstream/bin/python -B scripts/prune_flink.py /opt/flink

Flink's scripts and jars are moved to that folder (FLINK_HOME). Its Python modules stay in place.
"""

import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

SITE_PACKAGES = Path(sysconfig.get_path("platlib"))
DISTRIBUTION = ("bin", "conf", "lib", "licenses", "opt", "plugins")

NATIVE_SUFFIXES = (".so", ".dll", ".jnilib", ".dylib")
ARCHITECTURES = {
    "x86_64": ("linux64.", "x86_64", "linux-x64", "amd64"),
    "aarch64": ("linux-aarch64.", "aarch_64", "aarch64", "linux-arm64", "arm64"),
}
"""Names of each machine in the paths of native libraries."""

UNUSED = (
    "apache_beam/examples",
    "apache_beam/**/*_test.py",
    "apache_beam/**/*_test_*.py",
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*flight*",  # RPC
    "pyarrow/*substrait*",  # query plans
    "pandas/**/tests",
    "numpy/**/tests",
    "pyflink/examples",
    "pyflink/**/tests",
    "**/*.pxd",
    "**/*.pyx",
    "**/*.pyi",
)
"""Sources, samples, test suites, and the parts of pyarrow that are not for files and tables."""


def main() -> None:
    """Move the distribution, then prune both halves."""
    home = Path(sys.argv[1])
    package = SITE_PACKAGES / "pyflink"
    home.mkdir(parents=True)
    for name in DISTRIBUTION:
        shutil.move(package / name, home / name)
    # PyFlink looks here for the script that starts Python functions.
    (package / "bin").symlink_to(home / "bin")
    shutil.rmtree(package / "log", ignore_errors=True)
    shutil.rmtree(home / "plugins" / "external-resource-gpu")
    for pattern in UNUSED:
        for path in list(SITE_PACKAGES.glob(pattern)):
            remove(path)
    for jar in [*home.glob("lib/*.jar"), *home.glob("opt/*.jar")]:
        foreign = list(foreign_libraries(jar))
        if foreign:
            subprocess.run(["zip", "--quiet", "--delete", jar, *foreign], check=True)  # noqa: S607


def remove(path: Path) -> None:
    """Remove a folder or a file, unless another pattern has removed it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def foreign_libraries(jar: Path) -> Iterator[str]:
    """Native libraries of other operating systems, other machines and musl."""
    machine = ARCHITECTURES[platform.machine()]
    with zipfile.ZipFile(jar) as content:
        for name in content.namelist():
            lower = name.lower()
            if not lower.endswith(NATIVE_SUFFIXES):
                continue
            ours = any(word in lower for word in machine) and not any(
                word in lower for word in ("musl", "osx", "macos", "darwin", "win", "freebsd", "android")
            )
            if not ours:
                yield name


if __name__ == "__main__":
    main()
