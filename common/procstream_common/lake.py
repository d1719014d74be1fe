"""The paths of a pipeline's lake: the job writes them and the lineage commands read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SINGLE_PATH_VARIABLES = ("OUTPUT_PATH", "WRITE_AHEAD_COMMIT_LOG_PATH", "DROPPED_PATH")
"""Each sets one path of one pipeline's lake."""

PATH_VARIABLES = (*SINGLE_PATH_VARIABLES, "LAKE_PATH")
"""The variables that set the paths of lakes."""


@dataclass(frozen=True)
class LakePaths:
    """The three paths of one pipeline's lake, each a local folder or an object store URI (`s3://…`)."""

    output: str
    commit_log: str
    dropped: str

    @property
    def dropped_commit_log(self) -> str:
        """The log of the dropped path. Readers of hive tables skip names that start with `_`."""
        return f"{self.dropped}/_write-ahead-commit-log"

    @classmethod
    def of(cls, pipeline: str, env: Mapping[str, str]) -> "LakePaths":
        """Paths of `pipeline`: `OUTPUT_PATH`, `WRITE_AHEAD_COMMIT_LOG_PATH` and `DROPPED_PATH` if set;
        the others are `$LAKE_PATH/<pipeline>/{output,write-ahead-commit-log,dropped}`, where
        `LAKE_PATH` is `$PROCSTREAM_HOME/lake` by default.
        """
        root = env.get("LAKE_PATH") or str(home(env) / "lake")
        base = f"{root.rstrip('/')}/{pipeline}"

        def path(variable: str, folder: str) -> str:
            return (env.get(variable) or f"{base}/{folder}").rstrip("/")

        return cls(
            output=path("OUTPUT_PATH", "output"),
            commit_log=path("WRITE_AHEAD_COMMIT_LOG_PATH", "write-ahead-commit-log"),
            dropped=path("DROPPED_PATH", "dropped"),
        )


def home(env: Mapping[str, str]) -> Path:
    """`PROCSTREAM_HOME`, by default `.procstream` in the current folder, as an absolute path."""
    return Path(env.get("PROCSTREAM_HOME") or ".procstream").absolute()
