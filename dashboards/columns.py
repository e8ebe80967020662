"""What a table and its columns are: names, types, meanings, and which keys point where."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "date", "time"]
"""``time`` is an instant in UTC, written without an offset; flags are integers, 0 or 1, so that they add up."""

UNKNOWN_KEY = 0
"""The key of "not given", a row of every dimension that a request may leave open."""


@dataclass(frozen=True)
class Column:
    """One column. `refers` names the dimension whose key it holds; `typed` says that people typed its text."""

    name: str
    kind: Kind
    meaning: str
    refers: str = ""
    optional: bool = False
    typed: bool = False


@dataclass(frozen=True)
class Table:
    """One table; `key` holds the columns whose values are unique, `month` the instant a fact is filed by."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    month: str = ""

    @property
    def is_fact(self) -> bool:
        return bool(self.month)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


def text(name: str, meaning: str, optional: bool = False, typed: bool = False) -> Column:
    return Column(name, "text", meaning, optional=optional, typed=typed)


def integer(name: str, meaning: str, optional: bool = False) -> Column:
    return Column(name, "integer", meaning, optional=optional)


def number(name: str, meaning: str, optional: bool = False) -> Column:
    return Column(name, "number", meaning, optional=optional)


def time(name: str, meaning: str, optional: bool = False) -> Column:
    return Column(name, "time", meaning, optional=optional)
