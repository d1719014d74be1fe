"""The demos: a pipeline with everything that it needs, for a short time, and an account of every record."""

from collections.abc import Callable

from procstream_common.errors import ProcstreamError
from procstream_job.language.mistakes import did_you_mean
from rich.console import Console

from procstream_local.demo.stage import Options
from procstream_local.stack.home import Home

LAKES = "lineage"
"""The default demo: both pipelines that write a lake."""

__all__ = ["LAKES", "Options", "run"]


def run(name: str, home: Home, options: Options, console: Console) -> bool:
    """Run the demo of a pipeline to its end; True when every record was accounted for.

    Raises `ProcstreamError` if there is no demo of that name.
    """
    return _find(name)(home, options, console)


def _find(name: str) -> Callable[[Home, Options, Console], bool]:
    from procstream_local.demo import flows, lakes
    from procstream_local.demo.scenes import SCENES

    if name in lakes.PIPELINES:
        return lakes.run
    if name not in SCENES:
        known = [LAKES, *SCENES]
        raise ProcstreamError(
            f"there is no demo of {name!r}{did_you_mean(name, known)} expected one of {', '.join(known)}"
        )
    return lambda home, options, console: flows.run(name, SCENES[name], home, options, console)
