"""Splitting a script into statements: the gateway accepts one at a time. Pure."""

import re

# Texts, quoted names, comments and hints may have semicolons that end no statement.
_TOKEN = re.compile(
    r"""
    (?P<kept>'(?:[^']|'')*' | `(?:[^`]|``)*` | "(?:[^"]|"")*" | /\*\+.*?\*/)
    | (?P<comment>--[^\n]* | /\*.*?\*/)
    | (?P<end>;)
    | (?P<word>\w+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SET_OF_INSERTS = ("STATEMENT", "SET", "BEGIN")


def split_statements(script: str) -> list[str]:
    """The statements of a script, without their semicolons and comments; hints (`/*+ … */`) stay.

    `EXECUTE STATEMENT SET BEGIN … END` is one, with the semicolons between its inserts.
    """
    statements: list[str] = []
    text = ""
    words: list[str] = []
    for token in _TOKEN.finditer(script):
        if token["end"] and (not _is_open(words)):
            statements.append(text.strip())
            text, words = "", []
            continue
        text += " " if token["comment"] else token[0]
        if token["word"]:
            words.append(token["word"].upper())
    return [statement for statement in (*statements, text.strip()) if statement]


def _is_open(words: list[str]) -> bool:
    """Whether the words start a set of inserts that has not ended."""
    return tuple(words[1:4]) == _SET_OF_INSERTS and words[-1] != "END"
