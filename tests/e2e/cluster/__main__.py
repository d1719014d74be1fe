"""`python -m tests.e2e.cluster`."""

from procstream_common.cli import run

from tests.e2e.cluster.cli import app

run(app)
