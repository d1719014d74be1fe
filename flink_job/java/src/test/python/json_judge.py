"""What docs/json-values.md makes of a record, judged without the decoder and without Java.

Reads lines from stdin: the type of the column `v`, the unit of its times, and the record in
Base64, separated by tabs. Answers each with a line: `ok` and the value, or `bad` and the first word
of the error.

A document that is not JSON wins over a bad value in it, and a bad value over text after the object.
UTF-8 is looked at first. Of a document that is both malformed and incomplete, the fault that comes
first counts.

Values: FLOAT and DOUBLE as their bits; texts and bytes in hex; DATE as days, TIME as nanoseconds of
the day, timestamps as nanoseconds since 1970; `[1, null]`, `{"6b"=1}` in the order of the keys,
`(1, "78")`.
"""

import base64
import binascii
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

DEEPEST = 1_000
LONGEST_NUMBER = 1_000
BLANKS = " \t\r\n"

CHARACTER = r'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})'
TEXT = re.compile(rf'"{CHARACTER}*"')
TEXT_BEGUN = re.compile(rf'"{CHARACTER}*(?:\\(?:u[0-9a-fA-F]{{0,3}})?)?')
WHOLE = r"-?(?:0|[1-9][0-9]*)"
NUMBER = re.compile(rf"({WHOLE})(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
NUMBER_BEGUN = re.compile(rf"-|{WHOLE}(?:\.|(?:\.[0-9]+)?[eE][+-]?)")

BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?")
OFFSET = r"(Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
TIMESTAMP = re.compile(f"{DATE.pattern}[T ]{TIME.pattern}{OFFSET}")
DAY = 86_400 * 10**9
# From the year 0000 to the end of 9999, in UTC.
EARLIEST = (date(1, 1, 1).toordinal() - 366 - date(1970, 1, 1).toordinal()) * DAY
LATEST = (date(9999, 12, 31).toordinal() + 1 - date(1970, 1, 1).toordinal()) * DAY
FARTHEST_OFFSET = 18 * 60

INTEGERS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
# Bits of a significand, exponent of the smallest number, bits of infinity, digits in hex.
FLOATS = {"FLOAT": (24, -149, 0xFF << 23, 8), "DOUBLE": (53, -1074, 0x7FF << 52, 16)}
UNITS = {"epoch-seconds": 0, "epoch-millis": 3, "epoch-micros": 6, "epoch-nanos": 9}


class BadRecordError(Exception):
    """A dead letter; the message is the first word of its error."""


def undecodable() -> BadRecordError:
    """Not JSON, or a value that its column does not take."""
    return BadRecordError("UNDECODABLE")


def truncated() -> BadRecordError:
    """The object has no end."""
    return BadRecordError("TRUNCATED")


# ---- Types


@dataclass
class Type:
    """A type of Flink SQL: `children` are the elements, the keys and values, or the fields."""

    name: str
    parameters: list[int] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    children: list["Type"] = field(default_factory=list)
    not_null: bool = False

    def parameter(self, index: int, default: int) -> int:
        """Of the numbers in parentheses."""
        return self.parameters[index] if index < len(self.parameters) else default


class TypeReader:
    """Reads Flink SQL's text of a type."""

    def __init__(self, text: str) -> None:
        self.tokens = re.findall(r"`[^`]+`|\w+|[<>(),]", text)

    def take(self, token: str) -> bool:
        """Whether it is next; then it is read."""
        if self.tokens[:1] != [token]:
            return False
        del self.tokens[0]
        return True

    def read(self) -> Type:
        """A type with its NOT NULL."""
        made = Type(self.tokens.pop(0))
        if self.take("("):
            while not self.take(")"):
                made.parameters.append(int(self.tokens.pop(0)))
                self.take(",")
        if self.take("<"):
            while not self.take(">"):
                if made.name == "ROW":
                    made.fields.append(self.tokens.pop(0).strip("`"))
                made.children.append(self.read())
                self.take(",")
        if made.name == "MULTISET":
            made = Type("MAP", children=[*made.children, Type("INT", not_null=True)])
        if self.take("NOT"):
            made.not_null = self.take("NULL")
        return made


# ---- JSON


@dataclass
class Node:
    """A value of the document: its text as it is there, and what it is made of."""

    kind: str  # text, number, object, array, true, false or null
    raw: str = ""
    text: str = ""
    names: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)


class Scanner:
    """RFC 8259 to the letter."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def blanks(self) -> str:
        """Skips them; the character after them, or nothing."""
        while (character := self.text[self.at : self.at + 1]) and character in BLANKS:
            self.at += 1
        return character

    def expect(self, characters: str) -> str:
        """One of the characters, after blanks."""
        found = self.blanks()
        if not found:
            raise truncated()
        if found not in characters:
            raise undecodable()
        self.at += 1
        return found

    def value(self, depth: int) -> Node:
        """The value that begins after blanks, within `depth` others."""
        first = self.blanks()
        begin = self.at
        if not first:
            raise truncated()
        if first in "{[":
            if depth == DEEPEST:
                raise undecodable()
            self.at += 1
            node = self.object(depth + 1) if first == "{" else self.array(depth + 1)
        elif first == '"':
            node = Node("text", text=self.string())
        elif first in "tfn":
            node = self.word({"t": "true", "f": "false", "n": "null"}[first])
        else:
            node = self.number()
        node.raw = self.text[begin : self.at]
        return node

    def object(self, depth: int) -> Node:
        """After its brace."""
        node = Node("object")
        if self.blanks() == "}":
            self.at += 1
            return node
        while True:
            if self.blanks() not in ('"', ""):
                raise undecodable()
            node.names.append(self.string())
            self.expect(":")
            node.children.append(self.value(depth))
            if self.expect(",}") == "}":
                return node

    def array(self, depth: int) -> Node:
        """After its bracket."""
        node = Node("array")
        if self.blanks() == "]":
            self.at += 1
            return node
        while True:
            node.children.append(self.value(depth))
            if self.expect(",]") == "]":
                return node

    def string(self) -> str:
        """With its escapes resolved; half of a surrogate pair stays what it is."""
        if found := TEXT.match(self.text, self.at):
            self.at = found.end()
            return str(json.loads(found[0]))
        if self.at == len(self.text) or TEXT_BEGUN.fullmatch(self.text, self.at):
            raise truncated()
        raise undecodable()

    def word(self, word: str) -> Node:
        """A literal name."""
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return Node(word)
        raise truncated() if word.startswith(self.text[self.at :]) else undecodable()

    def number(self) -> Node:
        """What follows it is for the caller to judge, unless the number itself is cut off."""
        if NUMBER_BEGUN.fullmatch(self.text, self.at):
            raise truncated()
        found = NUMBER.match(self.text, self.at)
        if not found:
            raise undecodable()
        self.at = found.end()
        return Node("number", text=found[0])


# ---- Values


@dataclass
class Number:
    """`digits` times ten to the power of `exponent`, with no zero at the end of the digits."""

    negative: bool
    digits: int
    exponent: int

    @property
    def magnitude(self) -> int:
        """The number of digits before the point; none or less for a fraction."""
        return len(str(self.digits)) + self.exponent

    def scaled(self, power: int) -> int:
        """The number times ten to the power, which makes it whole."""
        return (-1 if self.negative else 1) * self.digits * int(10 ** (self.exponent + power))


def number(node: Node) -> Number:
    """Of a number, or of a text that says one."""
    found = NUMBER.fullmatch(node.text) if node.kind in ("number", "text") else None
    if not found or len(node.text) > LONGEST_NUMBER:
        raise undecodable()
    whole, fraction, power = found[1], found[2] or "", int(found[3] or 0)
    digits = (whole.lstrip("-") + fraction).lstrip("0")
    if not digits:
        return Number(whole.startswith("-"), 0, 0)
    stripped = digits.rstrip("0")
    exponent = power - len(fraction) + len(digits) - len(stripped)
    return Number(whole.startswith("-"), int(stripped), exponent)


def whole_number(node: Node, bits: int) -> str:
    """Within a signed number of so many bits."""
    found = number(node)
    if found.exponent < 0 or found.magnitude > 20:
        raise undecodable()
    value = found.scaled(0)
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise undecodable()
    return str(value)


def decimal(node: Node, precision: int, scale: int) -> str:
    """With all digits of its scale."""
    found = number(node)
    if found.digits and (found.exponent < -scale or found.magnitude > precision - scale):
        raise undecodable()
    unscaled = found.scaled(scale)
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    point = len(digits) - scale
    sign = "-" if unscaled < 0 else ""
    return sign + digits[:point] + ("." + digits[point:] if scale else "")


def floating(node: Node, name: str) -> str:
    """The bits of the nearest number, of two the one that is even (IEEE 754)."""
    significand, smallest, infinity, width = FLOATS[name]
    found = number(node)
    bits = 0
    if found.digits and found.magnitude > 400:
        raise undecodable()
    if found.digits and found.magnitude > -400:
        exact = found.digits * Fraction(10) ** found.exponent
        power = exact.numerator.bit_length() - exact.denominator.bit_length()
        if exact < Fraction(2) ** power:
            power -= 1
        unit = max(power - significand + 1, smallest)
        # A significand that rounds up to the next power of two carries into the exponent.
        bits = round(exact / Fraction(2) ** unit) + ((unit - smallest) << (significand - 1))
        if bits >= infinity:
            raise undecodable()
    return f"{bits | found.negative << (width * 4 - 1):0{width}x}"


def characters(text: str, type_: Type) -> str:
    """A text of a length that the type has, in hex."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise undecodable()
    check_length(len(text), type_)
    return f'"{text.encode().hex()}"'


def binary(node: Node, type_: Type) -> str:
    """Base64 with padding."""
    if node.kind != "text" or not BASE64.fullmatch(node.text):
        raise undecodable()
    try:
        value = base64.b64decode(node.text, validate=True)
    except binascii.Error:
        raise undecodable() from None
    check_length(len(value), type_)
    return f'"{value.hex()}"'


def check_length(length: int, type_: Type) -> None:
    """Exactly that of a CHAR or BINARY, at most that of a VARCHAR or VARBINARY."""
    if type_.name in ("STRING", "BYTES"):
        return
    limit = type_.parameter(0, 1)
    if length > limit or (type_.name in ("CHAR", "BINARY") and length != limit):
        raise undecodable()


def days(found: re.Match[str]) -> int:
    """Since 1970, by a calendar that begins with the year 0, of the groups of a date."""
    cycles, within = divmod(int(found[1]), 400)
    try:
        day = date(within + 400, int(found[2]), int(found[3]))
    except ValueError:
        raise undecodable() from None
    return day.toordinal() + (cycles - 1) * 146_097 - date(1970, 1, 1).toordinal()


def nanoseconds(found: re.Match[str], group: int, precision: int) -> int:
    """Of a day, if the column has room for all digits."""
    hours, minutes, seconds = (int(found[group + i] or 0) for i in range(3))
    if hours > 23 or minutes > 59 or seconds > 59:
        raise undecodable()
    fraction = int((found[group + 3] or "").ljust(9, "0"))
    return ((hours * 60 + minutes) * 60 + seconds) * 10**9 + room(fraction, precision)


def room(nanos: int, precision: int) -> int:
    """The same, if the digits that the column has no room for are zeros."""
    if nanos % 10 ** (9 - precision):
        raise undecodable()
    return nanos


def timestamp(node: Node, type_: Type, unit: str) -> str:
    """Nanoseconds since 1970 in UTC, within the years 0000 to 9999."""
    precision = type_.parameter(0, 6)
    nanos = iso_8601(node, type_, precision) if unit == "iso-8601" else epoch(node, precision, unit)
    if not EARLIEST <= nanos < LATEST:
        raise undecodable()
    return str(nanos)


def iso_8601(node: Node, type_: Type, precision: int) -> int:
    """A date and a time; TIMESTAMP_LTZ needs to know where."""
    found = TIMESTAMP.fullmatch(node.text) if node.kind == "text" else None
    if not found or (type_.name == "TIMESTAMP_LTZ" and not found[8]):
        raise undecodable()
    nanos = days(found) * DAY + nanoseconds(found, 4, precision)
    if not found[9]:
        return nanos
    offset = int(found[10]) * 60 + int(found[11] or 0)
    if int(found[11] or 0) > 59 or offset > FARTHEST_OFFSET:
        raise undecodable()
    return nanos - (-1 if found[9] == "-" else 1) * offset * 60 * 10**9


def epoch(node: Node, precision: int, unit: str) -> int:
    """A number since 1970, perhaps with a fraction."""
    found = number(node)
    decimals = UNITS[unit]
    if found.exponent < decimals - 9 or found.magnitude > 30:
        raise undecodable()
    return room(found.scaled(9 - decimals), precision)


def scalar(node: Node, type_: Type, unit: str) -> str:
    """A value that is not made of others."""
    name = type_.name
    if name == "BOOLEAN":
        said = node.text if node.kind == "text" else node.kind
        if said not in ("true", "false"):
            raise undecodable()
        return said
    if name in INTEGERS:
        return whole_number(node, INTEGERS[name])
    if name == "DECIMAL":
        return decimal(node, type_.parameter(0, 10), type_.parameter(1, 0))
    if name in FLOATS:
        return floating(node, name)
    if name in ("STRING", "VARCHAR", "CHAR"):
        return characters(node.text if node.kind == "text" else node.raw, type_)
    if name in ("BYTES", "VARBINARY", "BINARY"):
        return binary(node, type_)
    if name.startswith("TIMESTAMP"):
        return timestamp(node, type_, unit)
    pattern = {"DATE": DATE, "TIME": TIME}[name]
    found = pattern.fullmatch(node.text) if node.kind == "text" else None
    if not found:
        raise undecodable()
    if name == "DATE":
        return str(days(found))
    return str(nanoseconds(found, 1, type_.parameter(0, 0)))


def value(node: Node | None, type_: Type, unit: str) -> str:
    """Of any type; no node is a field that is absent."""
    if node is None or node.kind == "null":
        if type_.not_null:
            raise undecodable()
        return "null"
    if type_.name not in ("ARRAY", "MAP", "ROW"):
        return scalar(node, type_, unit)
    if node.kind != ("array" if type_.name == "ARRAY" else "object"):
        raise undecodable()
    if type_.name == "ARRAY":
        element = type_.children[0]
        return "[" + ", ".join(value(child, element, unit) for child in node.children) + "]"
    named = list(zip(node.names, node.children, strict=True))
    if type_.name == "ROW":
        named = [(name, child) for name, child in named if name in type_.fields]
    found = dict(named)
    if len(found) != len(named):
        raise undecodable()
    if type_.name == "ROW":
        fields = zip(type_.fields, type_.children, strict=True)
        return "(" + ", ".join(value(found.get(name), child, unit) for name, child in fields) + ")"
    keys, values = type_.children
    entries = sorted((characters(name, keys), value(child, values, unit)) for name, child in named)
    return "{" + ", ".join(f"{key}={of_key}" for key, of_key in entries) + "}"


def judge(type_: Type, unit: str, record: bytes) -> str:
    """The column `v` of a record."""
    try:
        text = record.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise undecodable() from None
    scanner = Scanner(text, 0)
    first = scanner.blanks()
    if not first:
        raise truncated()
    if first != "{":
        raise undecodable()
    document = scanner.value(0)
    column = value(document, Type("ROW", fields=["v"], children=[type_]), unit)
    if scanner.blanks():
        raise BadRecordError("TRAILING_BYTES")
    return column[1:-1]


def answers(lines: Iterator[str]) -> Iterator[str]:
    """One for each line."""
    types: dict[str, Type] = {}
    for line in lines:
        text, unit, record = line.rstrip("\n").split("\t")
        if text not in types:
            types[text] = TypeReader(text).read()
        try:
            yield "ok\t" + judge(types[text], unit, base64.b64decode(record, validate=True))
        except BadRecordError as error:
            yield f"bad\t{error}"


def main() -> None:
    """From stdin to stdout."""
    sys.setrecursionlimit(10 * DEEPEST)
    for answer in answers(iter(sys.stdin)):
        print(answer)


if __name__ == "__main__":
    main()
