"""Which requests may come from web pages of other sites."""

from collections.abc import Mapping, Sequence

import pytest
from procstream_common.web_pages import LOOPBACK, hosts_of, refusal


def of(headers: Mapping[str, str | Sequence[str]], hosts: Sequence[str] | None = LOOPBACK) -> str | None:
    def values(name: str) -> Sequence[str]:
        found = headers.get(name, ())
        return [found] if isinstance(found, str) else found

    return refusal(values, hosts)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LocalHost.:8080",
        "127.0.0.1:8080",
        "[::1]:8080",
        "[::1]",
        " localhost ",
    ],
)
def test_names_of_this_machine_are_allowed(host: str) -> None:
    assert of({"Host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8080",
        "page.example",
        "localhost.page.example:8080",
        "localhost:8080.page.example",
        "localhost:8080@page.example",
        "page.example@localhost",
        "127.0.0.1.page.example",
        "127.0.0.2:8080",
        "0.0.0.0:8080",
        "[::]:8080",
        "[::1]page.example",
        "[::1",
        "::1",
        "localhost, page.example",
    ],
)
def test_other_names_are_refused(host: str) -> None:
    assert str(of({"Host": host})).startswith(f"Host {host!r}; expected localhost, 127.0.0.1")


@pytest.mark.parametrize("hosts", [(), ("localhost", "localhost"), ("localhost", "page.example")])
def test_a_request_has_one_host(hosts: tuple[str, ...]) -> None:
    assert of({"Host": hosts}) == f"{len(hosts)} Host headers; expected one"


def test_all_names_are_allowed_where_addresses_are_not_known() -> None:
    assert of({"Host": "10.1.2.3:9090"}, None) is None
    assert of({"Host": "10.1.2.3:9090", "Sec-Fetch-Site": "cross-site"}, None) is not None
    assert of({"Host": "10.1.2.3:9090", "Origin": "http://page.example"}, None) is not None


@pytest.mark.parametrize(
    "origin", ["http://localhost:8080", "HTTP://LOCALHOST:8080", "https://localhost:8080"]
)
def test_its_own_origin_is_allowed(origin: str) -> None:
    assert of({"Host": "localhost:8080", "Origin": origin}) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://page.example",
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:8080",
        "http://localhost:8080.page.example",
        "http://page.example/localhost:8080",
        "file://localhost:8080",
    ],
)
def test_other_origins_are_refused(origin: str) -> None:
    assert str(of({"Host": "localhost:8080", "Origin": origin})).startswith(f"Origin {origin!r} at Host")
    assert of({"Host": "localhost:8080", "Origin": ("http://localhost:8080", origin)}) is not None


@pytest.mark.parametrize(
    ("site", "allowed"),
    [
        ("same-origin", True),
        ("none", True),
        ("None", True),
        ("same-site", False),
        ("cross-site", False),
        ("", False),
    ],
)
def test_requests_of_other_sites_are_refused(site: str, allowed: bool) -> None:
    assert (of({"Host": "localhost", "Sec-Fetch-Site": site}) is None) is allowed


def test_a_reason_is_short_and_has_no_control_characters() -> None:
    reason = str(of({"Host": "page\x1b[31m\r\nWARN" + "y" * 5000}))
    assert reason.isprintable()
    assert len(reason) < 200


@pytest.mark.parametrize(
    ("address", "hosts"),
    [("127.0.0.1", LOOPBACK), ("::1", LOOPBACK), ("localhost", LOOPBACK), ("0.0.0.0", None), ("::", None)],
)
def test_names_are_known_on_loopback_only(address: str, hosts: Sequence[str] | None) -> None:
    assert hosts_of(address) == hosts
