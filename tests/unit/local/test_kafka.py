from base64 import urlsafe_b64decode

from procstream_local.stack.services.kafka import cluster_id


def test_a_cluster_id_is_a_uuid_that_no_command_takes_for_an_option() -> None:
    ids = [cluster_id() for _ in range(2_000)]
    assert not any(text.startswith("-") for text in ids)
    assert {len(urlsafe_b64decode(f"{text}==")) for text in ids} == {16}
