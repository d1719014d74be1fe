import pytest
from procstream_operator.requests import label
from yarl import URL

TOPICS = "/apis/procstream.io/v1alpha1/namespaces/shop/topics"


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("GET", TOPICS, ("list", "topics")),
        ("GET", f"{TOPICS}/orders", ("get", "topics")),
        ("PATCH", f"{TOPICS}/orders", ("patch", "topics")),
        ("PATCH", f"{TOPICS}/orders/status", ("patch", "topics/status")),
        ("GET", "/apis/procstream.io/v1alpha1/topics?limit=5", ("list", "topics")),
        ("POST", "/api/v1/namespaces/shop/events", ("create", "events")),
        ("GET", f"{TOPICS}?watch=true&resourceVersion=5", None),
        ("GET", "/apis/procstream.io/v1alpha1", None),
        ("GET", "/api", None),
    ],
)
def test_requests_are_counted_by_verb_and_resource(
    method: str, path: str, counted: tuple[str, str] | None
) -> None:
    assert label(method, URL(f"https://server{path}")) == counted
