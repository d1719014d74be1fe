"""A rule in Python, as an example of what is hard to write in SQL, or what a library has."""

from typing import Any

import pandas as pd
from pyflink.table import DataTypes
from pyflink.table.udf import udf

_USUAL_AMOUNT = 5000.0
_RISKY_CATEGORIES = frozenset({"electronics", "jewelry", "gift cards", "travel"})
_HOME = "US"


def score(amounts: "pd.Series[float]", categories: "pd.Series[str]", countries: "pd.Series[str]") -> Any:
    """Risk of each transaction, 0 to 1: its amount counts most, then what was bought, and where."""
    size = (amounts / (2 * _USUAL_AMOUNT)).clip(upper=1.0)
    risky = categories.str.lower().isin(_RISKY_CATEGORIES).astype(float)
    abroad = (countries != _HOME).astype(float)
    return 0.7 * size + 0.2 * risky + 0.1 * abroad


# Pandas: Flink hands over batches of columns (Arrow), not a row at a time.
risk_score = udf(score, result_type=DataTypes.DOUBLE(), func_type="pandas")
