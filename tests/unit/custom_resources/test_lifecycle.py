"""kopf's settings."""

import asyncio

import kopf
from procstream_operator.handlers import lifecycle
from procstream_operator.persistence import ProgressOfGeneration, SpecificationDigest


def test_what_kopf_is_told_at_the_start() -> None:
    settings = kopf.OperatorSettings()
    asyncio.run(lifecycle.configure(settings=settings))
    assert settings.persistence.finalizer == "procstream.io/retained-data"
    assert isinstance(settings.persistence.progress_storage, ProgressOfGeneration)
    assert isinstance(settings.persistence.diffbase_storage, SpecificationDigest)
    assert settings.scanning.disabled, "it needs permissions for the whole cluster"
    assert not settings.posting.loggers, "log lines are no events"
    # The server ends a watch; where it does not, the client does. Nothing waits forever.
    assert (settings.watching.server_timeout, settings.watching.client_timeout) == (300, 360)
    assert (settings.watching.connect_timeout, settings.networking.request_timeout) == (15, 15)
