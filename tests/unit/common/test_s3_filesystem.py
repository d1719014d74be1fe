"""The file system on S3: what it requests from a store, over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from procstream_common import s3
from procstream_common.settings import load
from procstream_common.settings.s3 import S3Settings

from tests.unit.http_server import Answer, HttpServer, Request, serving

CONTENT = "0123456789" * 10


def listing(*names: str) -> Answer:
    """The answer to ListObjectsV2."""
    entries = "".join(f"<Contents><Key>output/{name}</Key><Size>100</Size></Contents>" for name in names)
    return Answer(
        200,
        f"<ListBucketResult><Name>lake</Name><KeyCount>{len(names)}</KeyCount>"
        f"<IsTruncated>false</IsTruncated>{entries}</ListBucketResult>",
        "application/xml",
    )


@contextmanager
def store(files: list[str]) -> Iterator[HttpServer]:
    """A store whose bucket `lake` has `files` below `output/`, each with the same content."""

    def answer(request: Request) -> Answer:
        if "list-type=2" in request.path:
            return listing(*files)
        first, _, last = request.headers.get("Range", f"bytes=0-{len(CONTENT) - 1}")[6:].partition("-")
        return Answer(206, CONTENT[int(first) : int(last) + 1], "application/octet-stream")

    with serving(answer) as server:
        yield server


def settings(server: HttpServer) -> S3Settings:
    return load(
        S3Settings,
        {
            "S3_ENDPOINT": server.url,
            "S3_PATH_STYLE": "true",
            "AWS_ACCESS_KEY_ID": "reader",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "eu-central-1",
        },
    )


def test_a_file_that_appears_between_two_lists_is_in_the_second() -> None:
    files = ["a"]
    with store(files) as server:
        filesystem = s3.filesystem(settings(server))
        assert filesystem.ls("lake/output", detail=False) == ["lake/output/a"]
        files.append("b")
        assert filesystem.ls("lake/output", detail=False) == ["lake/output/a", "lake/output/b"]


def test_requests_are_signed_for_the_region_by_the_given_key() -> None:
    with store(["a"]) as server:
        s3.filesystem(settings(server)).find("lake/output")
        [request] = server.requests
    assert request.path.startswith("/lake?"), "the bucket is in the path"
    assert "Credential=reader/" in request.headers["Authorization"]
    assert "/eu-central-1/s3/aws4_request" in request.headers["Authorization"]


def test_a_reader_gets_the_range_that_it_needs_and_no_more() -> None:
    with store(["a"]) as server:
        with s3.filesystem(settings(server)).open("lake/output/a", size=len(CONTENT)) as file:
            file.seek(90)
            assert file.read(4) == b"0123"
        ranges = [request.headers["Range"] for request in server.requests if "Range" in request.headers]
    assert ranges == ["bytes=90-93"]
