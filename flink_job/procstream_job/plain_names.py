"""Names that PostgreSQL takes without quotes, which Flink's JDBC connector does not write."""

import re
from collections.abc import Iterable

# Reserved, but for those that may be a column's name (PostgreSQL 16 manual, Appendix C; pg_get_keywords()).
_RESERVED = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
collation column concurrently constraint create cross current_catalog current_date current_role
current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
only or order outer overlaps placing primary references returning right select session_user similar some
symmetric system_user table tablesample then to trailing true union unique user using variadic verbose
when where window with
"""
_LONGEST = 63  # bytes; PostgreSQL cuts what is longer (NAMEDATALEN)


def plain_name(name: str) -> str:
    """A name like `name`: `tsMillis` becomes `ts_millis`, `user` becomes `user_`."""
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    plain = re.sub("[^a-z0-9_]", "_", words)[: _LONGEST - 1]
    if not re.match("[a-z_]", plain):
        plain = f"_{plain}"
    return f"{plain}_" if plain in _RESERVED.split() else plain


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """`plain_name` of each, with a number behind it where two would be alike."""
    found: dict[str, str] = {}
    for name in names:
        plain = base = plain_name(name)
        number = 2
        while plain in found.values():
            plain = f"{base[: _LONGEST - len(str(number)) - 1]}_{number}"
            number += 1
        found[name] = plain
    return found
