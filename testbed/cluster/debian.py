"""The root file system of Debian 12, without documentation and languages, as in the official slim image."""

from pathlib import Path

from testbed.cluster import cache, trees

_SUITE = "bookworm"
_SOURCES = Path("etc/apt/sources.list.d/debian.sources")

_NOT_NEEDED = ("doc", "groff", "info", "linda", "lintian", "locale", "man")
_FILLED_BY_THE_KERNEL = ("dev", "proc", "sys")
_KEPT = ("doc/*/copyright", "locale/locale.alias")

# As in the official images: dpkg also skips these files of packages that are installed later.
_DPKG = "".join(f"path-exclude=/usr/share/{folder}/*\n" for folder in _NOT_NEEDED) + "".join(
    f"path-include=/usr/share/{pattern}\n" for pattern in _KEPT
)
_APT = """\
Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::AutoRemove::SuggestsImportant "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
"""
_NO_SERVICES = "#!/bin/sh\nexit 101\n"


def make_root(archive: Path) -> None:
    """Write the root file system, with the certificates of authorities, as a tar archive. Needs root."""
    with trees.temporary(archive.parent) as folder:
        root = folder / "root"
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", _SUITE, str(root)]
        cache.run("Debian base image", command)
        trees.unmount_below(root)  # debootstrap can leave /proc and /sys mounted
        _configure(root)
        _slim(root)
        excluded = [f"--exclude=./{name}/*" for name in _FILLED_BY_THE_KERNEL]
        tar = ["tar", "--numeric-owner", *excluded, "-C", str(root), "-cf", str(archive), "."]
        cache.run("Debian base image", tar)


def _configure(root: Path) -> None:
    _write(root / "etc/dpkg/dpkg.cfg.d/slim", _DPKG)
    _write(root / "etc/apt/apt.conf.d/slim", _APT)
    _write(root / "usr/sbin/policy-rc.d", _NO_SERVICES, mode=0o755)
    # Images built on this one install from the machine's own package sources, security updates included.
    ours = Path("/") / _SOURCES
    if ours.exists() and _SUITE in ours.read_text():
        _write(root / _SOURCES, ours.read_text())
        (root / "etc/apt/sources.list").unlink(missing_ok=True)


def _slim(root: Path) -> None:
    share = root / "usr/share"
    kept = {file for pattern in _KEPT for file in share.glob(pattern)}
    for folder in _NOT_NEEDED:
        for path in sorted((share / folder).rglob("*"), reverse=True):  # a folder comes after its contents
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path not in kept:
                path.unlink()
    for folder in ("var/cache/apt", "var/lib/apt/lists", "var/log", "tmp"):
        for path in (root / folder).iterdir():
            trees.remove(path)
    (root / "var/cache/ldconfig/aux-cache").unlink(missing_ok=True)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
