"""S3, or any store that speaks its protocol, by s3fs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from procstream_common.errors import NotFoundError, RefusedError, Server, ServerError, UnavailableError
from procstream_common.proxies import may_use_proxy
from procstream_common.settings import S3Settings, load

if TYPE_CHECKING:
    import fsspec

_REFUSALS = frozenset(
    {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
)
_ABSENT = frozenset({"404", "NoSuchBucket", "NoSuchKey"})


def filesystem(settings: S3Settings | None = None) -> "fsspec.AbstractFileSystem":
    """The file system of `settings`, by default those of the environment. Needs s3fs.

    It caches no listings, because new files appear at any time, and reads nothing ahead, because readers of
    Parquet request the ranges that they need.
    """
    import fsspec

    found = load(S3Settings) if settings is None else settings
    options = found.s3fs()
    if found.endpoint is not None and not may_use_proxy(found.endpoint):
        options["config_kwargs"] = {**options.get("config_kwargs", {}), "proxies": {}}
    return fsspec.filesystem("s3", **options, use_listings_cache=False, default_cache_type="none")


@contextmanager
def failures(uri: str) -> Iterator[None]:
    """Map the failures of the block to errors about `uri`.

    Raises:
        NotFoundError: no such bucket or file.
        RefusedError: access is refused.
        UnavailableError: no answer, or it cannot answer now.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except (PermissionError, NoCredentialsError) as error:
        raise RefusedError(Server.S3, f"{uri}: access is refused ({error})") from error
    except FileNotFoundError as error:
        raise NotFoundError(Server.S3, f"{uri}: there is no such bucket or file ({error})") from error
    except ClientError as error:
        raise _of_answer(uri, error) from error
    except (OSError, BotoCoreError) as error:
        raise UnavailableError(Server.S3, f"{uri}: cannot be read ({error})") from error


def check(settings: S3Settings, *, timeout: float = 5.0) -> None:
    """Check that the endpoint answers, with any status. Without an endpoint (AWS) nothing is checked.

    `timeout` is in seconds. Raises `UnavailableError`.
    """
    if settings.endpoint is None:
        return
    try:
        httpx.get(settings.endpoint, timeout=timeout, trust_env=may_use_proxy(settings.endpoint))
    except httpx.HTTPError as error:
        cause = str(error) or type(error).__name__
        raise UnavailableError(Server.S3, f"S3_ENDPOINT {settings.endpoint}: no answer: {cause}") from None


def _of_answer(uri: str, error: Any) -> ServerError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _REFUSALS:
        return RefusedError(Server.S3, f"{uri}: access is refused ({error})")
    if code in _ABSENT:
        return NotFoundError(Server.S3, f"{uri}: there is no such bucket or file ({error})")
    return UnavailableError(Server.S3, f"{uri}: cannot be read ({error})")
