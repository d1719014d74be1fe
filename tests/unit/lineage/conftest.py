from pathlib import Path

import hypothesis
import pytest

from tests.unit.lineage.synthetic_lake import SyntheticLake

# On a busy machine a single example may take long; that is no failure.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture
def lake(tmp_path: Path) -> SyntheticLake:
    return SyntheticLake(tmp_path / "lake")
