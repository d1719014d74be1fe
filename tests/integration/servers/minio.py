"""A real S3 server: MinIO, built from its Go module and kept in the cache."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import boto3
from mirakuru import HTTPExecutor
from procstream_local.stack.artifacts import cache_folder

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
BUCKET = "lake"


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str = "procstream"
    secret_key: str = "procstream-secret"

    @property
    def environment(self) -> dict[str, str]:
        """What procstream reads to reach it."""
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_PATH_STYLE": "true",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }


def binary() -> Path:
    """The server's program; built on first use (some minutes)."""
    path = cache_folder() / "bin" / f"minio-{VERSION}"
    if not path.exists():
        folder = path.with_name(f"{path.name}.{os.getpid()}")
        go = shutil.which("go")
        assert go, "go is part of the pinned development packages; run `make setup`"
        command = [go, "install", f"{MODULE}@{VERSION}"]
        subprocess.run(command, env={**os.environ, "GOBIN": str(folder)}, check=True)
        (folder / "minio").rename(path)
        folder.rmdir()
    return path


def executor(data: Path, port: int, console_port: int) -> tuple[HTTPExecutor, S3Server]:
    """The server, not yet started, with its data in `data`."""
    server = S3Server(f"http://127.0.0.1:{port}")
    command = [
        str(binary()),
        "server",
        str(data),
        "--address",
        f"127.0.0.1:{port}",
        "--console-address",
        f"127.0.0.1:{console_port}",
    ]
    env = {"MINIO_ROOT_USER": server.access_key, "MINIO_ROOT_PASSWORD": server.secret_key}
    return HTTPExecutor(command, f"{server.endpoint}/minio/health/ready", timeout=60, envvars=env), server


def make_bucket(server: S3Server) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)
