from pathlib import Path

import pytest

from tests.unit.lineage.synthetic_lake import SyntheticLake


@pytest.fixture
def lake(tmp_path: Path) -> SyntheticLake:
    return SyntheticLake(tmp_path / "lake")
