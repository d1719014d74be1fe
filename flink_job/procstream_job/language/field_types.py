"""Types of single values in a pipeline file, each with a message for a value that it refuses."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from procstream_job.language.columns import METADATA_COLUMNS


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


@dataclass(frozen=True)
class _Matching:
    """Text of a form: described in words for messages, and as a pattern for editors."""

    pattern: str
    expected: str

    def check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(f"found {text!r}; expected {self.expected}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^{self.pattern}$"}


def _own_column(name: str) -> str:
    if name in METADATA_COLUMNS:
        raise ValueError(f"found {name!r}; every source table has that column, omit it")
    return name


def _nullable(sql_type: str) -> str:
    if re.search(r"NOT\s+NULL\s*$", sql_type, re.IGNORECASE):
        raise ValueError(
            f"found {sql_type!r}; expected a type without NOT NULL:"
            " every column of a record that cannot be decoded is null"
        )
    return sql_type


def _only_reads(query: str) -> str:
    word = re.sub(r"--.*|/\*(?s:.*?)\*/|[(\s]+", " ", query).strip().partition(" ")[0]
    if word.upper() not in ("SELECT", "WITH"):
        raise ValueError(f"found {word!r} first; expected a SELECT, or WITH and a SELECT")
    return query


Identifier = Annotated[
    str, _Matching("[A-Za-z_][A-Za-z0-9_]*", "letters, digits and underscores, not a digit first")
]
JobName = Annotated[
    str, _Matching("[a-z0-9]([-a-z0-9]{0,43}[a-z0-9])?", "up to 45 lower case letters, digits and dashes")
]
Topic = Annotated[
    str, _Matching("[a-zA-Z0-9._-]{1,249}", "a topic's name: letters, digits, dots, dashes and underscores")
]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
ColumnName = Annotated[NonEmpty, AfterValidator(_own_column)]
SqlType = Annotated[NonEmpty, AfterValidator(_nullable)]
Text = Annotated[str, BeforeValidator(_as_text)]
Query = Annotated[NonEmpty, AfterValidator(_only_reads)]
TableName = Annotated[
    str,
    _Matching(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?",
        "a table's name, or schema.table, of letters, digits and underscores",
    ),
]
PythonFunction = Annotated[
    str,
    _Matching(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*",
        "module:name, such as rules:is_risky",
    ),
]
