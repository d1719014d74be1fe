"""The MinIO server, built from its Go module: the project publishes no binaries of recent versions."""

from pathlib import Path

from testbed.cluster import cache, programs, trees

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"


def binary() -> Path:
    """Path of the program; the first call builds it (about 3 minutes of CPU time)."""

    def install(target: Path) -> None:
        with trees.temporary(target.parent) as folder:
            command = ["nice", programs.go(), "install", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
            cache.run("minio", command, env={"GOBIN": str(folder), "GOWORK": "off"})
            (folder / "minio").rename(target)

    return cache.built(f"minio-{VERSION}", "MinIO (about 3 minutes)", install)
