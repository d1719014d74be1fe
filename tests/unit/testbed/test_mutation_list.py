"""The list of the mutation test names files that exist."""

from pathlib import Path

import pytest

from tests.mutation import core

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("pattern", [*core.MODULES, *core.TESTS])
def test_every_pattern_matches_a_file(pattern: str) -> None:
    assert list(REPOSITORY.glob(pattern))
