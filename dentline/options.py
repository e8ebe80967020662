"""Options as frozen dataclasses, and TOML: every field checked, none unknown, each written with its note."""

import difflib
import tomllib
import types
import typing
from dataclasses import Field, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from dentline.errors import DentlineError

Options = TypeVar("Options")


def option(default: Any, note: str, low: float | None = None, high: float | None = None) -> Any:
    """Declare a recipe field: its default, what it means, and the range it may lie in."""
    return field(default=default, metadata={"note": note, "low": low, "high": high})


def load_as(kind: type[Options], path: Path) -> Options:
    """Read a file that holds the fields of one dataclass of options, every one checked.

    Raises:
        DentlineError: the file cannot be read, is not TOML, or has an unknown or wrong field.
    """
    return parse_as(kind, read(path), str(path))


def read(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        DentlineError: it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}") from error


def parse_as(kind: type[Options], table: dict[str, Any], where: str) -> Options:
    """Check a table as read from TOML and return the options it says.

    Raises:
        DentlineError: naming the section, the field, what was got and what is allowed.
    """
    options: Options = _section(kind, table, where)
    return options


def dumps(options: Any) -> str:
    """Return options as TOML, every field written out with its note."""
    return "\n".join(_lines(options, "")) + "\n"


def _lines(section: Any, prefix: str) -> list[str]:
    plain = [f for f in fields(section) if not is_dataclass(getattr(section, f.name))]
    lines = [f"{f.name} = {toml(getattr(section, f.name))}  # {f.metadata['note']}" for f in plain]
    for f in fields(section):
        value = getattr(section, f.name)
        if is_dataclass(value):
            name = f"{prefix}{f.name}"
            lines += ["", f"[{name}]", *_lines(value, f"{name}.")]
    return lines


def toml(value: Any) -> str:
    """Return one value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return repr(value)


def _section(kind: type, table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise DentlineError(where, f"is {table!r}, not a table")
    known = {f.name: f for f in fields(kind)}
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise DentlineError(
                where,
                f"unknown field {name!r}",
                f"did you mean {near[0]!r}?" if near else "known are: " + ", ".join(known),
            )
    hints = typing.get_type_hints(kind)
    values = {}
    for name, value in table.items():
        hint = hints[name]
        if is_dataclass(hint):
            values[name] = _section(typing.cast(type, hint), value, f"{where}: [{name}]")
        else:
            values[name] = _value(known[name], hint, value, f"{where}: {name}")
    return kind(**values)


def _value(declared: Field[Any], hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise DentlineError(where, f"is {value!r}", "allowed are: " + ", ".join(map(repr, allowed)))
        return value
    if origin is tuple:
        if not isinstance(value, list) or (not value and declared.default):
            raise DentlineError(where, f"is {value!r}", 'write a list, like ["a", "b"]')
        (inner, _) = typing.get_args(hint)
        return tuple(_value(declared, inner, v, where) for v in value)
    if origin in (typing.Union, types.UnionType):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise DentlineError(where, f"is {value!r}", f"write {_KINDS[hint]}")
    low, high = declared.metadata.get("low"), declared.metadata.get("high")
    if isinstance(value, int | float) and not _within(value, low, high):
        least = "" if low is None else f" at least {low:g}"
        most = "" if high is None else f" at most {high:g}"
        raise DentlineError(where, f"is {value}", f"it must be{least}{' and' if least and most else ''}{most}")
    return value


def _within(value: float, low: float | None, high: float | None) -> bool:
    return value == value and (low is None or value >= low) and (high is None or value <= high)


_KINDS = {int: "a whole number", float: "a number", str: 'a text in "quotes"', bool: "true or false"}
