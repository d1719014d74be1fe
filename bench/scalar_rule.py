"""The rule of `procstream_job.rules.fraud` for single rows; `functions` compares the two."""

from pyflink.table import DataTypes
from pyflink.table.udf import udf

_USUAL_AMOUNT = 5000.0
_RISKY_CATEGORIES = frozenset({"electronics", "jewelry", "gift cards", "travel"})
_HOME = "US"


def score(amount: float, category: str, country: str) -> float:
    """Risk of a transaction, 0 to 1."""
    size = min(amount / (2 * _USUAL_AMOUNT), 1.0)
    risky = float(category.lower() in _RISKY_CATEGORIES)
    abroad = float(country != _HOME)
    return 0.7 * size + 0.2 * risky + 0.1 * abroad


risk_score = udf(score, result_type=DataTypes.DOUBLE())
