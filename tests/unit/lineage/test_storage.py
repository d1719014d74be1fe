import pytest
from fsspec import AbstractFileSystem
from procstream_common.errors import ServerError
from procstream_lineage.storage import folder


class Bucketless(AbstractFileSystem):  # type: ignore[misc]
    """A store without any bucket."""

    protocol = "s3"
    cachable = False

    def ls(self, path: str, detail: bool = True, **_: object) -> list[object]:
        raise FileNotFoundError(path)


class Refusing(Bucketless):
    """A store that does not know us."""

    def find(self, path: str, **_: object) -> dict[str, object]:
        raise PermissionError("the key is not known")


class Away(Bucketless):
    """A store that does not answer."""

    def find(self, path: str, **_: object) -> dict[str, object]:
        raise ConnectionRefusedError("connection refused")


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (Bucketless(), "s3://lake/output: there is no bucket 'lake'"),
        (Refusing(), "s3://lake/output: access is refused (the key is not known)"),
        (Away(), "s3://lake/output: cannot be read (connection refused)"),
    ],
)
def test_a_store_that_cannot_be_read_is_named(store: AbstractFileSystem, message: str) -> None:
    with pytest.raises(ServerError) as raised:
        folder("s3a://lake/output/", filesystem=store).files()
    assert str(raised.value) == message
