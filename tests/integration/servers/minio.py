"""A MinIO server as a process of this machine."""

from dataclasses import dataclass
from pathlib import Path

import boto3
from mirakuru import HTTPExecutor

from testbed import minio

BUCKET = "lake"


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str = "procstream"
    secret_key: str = "procstream-secret"

    @property
    def environment(self) -> dict[str, str]:
        """Variables from which procstream reads the server's address and keys."""
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_PATH_STYLE": "true",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }


def executor(data: Path, port: int, console_port: int) -> tuple[HTTPExecutor, S3Server]:
    """The server, not started yet; `data` is its data folder."""
    server = S3Server(f"http://127.0.0.1:{port}")
    command = [
        str(minio.binary()),
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
