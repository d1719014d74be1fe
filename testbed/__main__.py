"""`python -m testbed`."""

from procstream_common.cli import run

from testbed.cli import app

run(app)
