"""Fixtures of the operator's tests."""

from tests.unit.custom_resources.operating import play

__all__ = ["play"]
