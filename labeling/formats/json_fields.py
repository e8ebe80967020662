"""JSON that others wrote, read field by field: what is missing or of another kind is told with its place."""

import json
import sys
from pathlib import Path
from typing import Any, TypeVar

from dentline.errors import DentlineError

Kind = TypeVar("Kind")
_REQUIRED: Any = object()
_LARGEST = 2**53
"""What a number in JSON may be to be the same in every program that reads it."""


def load(path: Path) -> Any:
    """Return the content of a JSON file, or raise a DentlineError."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DentlineError(str(path), f"is no JSON: {error}", "export it again") from error


def sniff(path: Path) -> Any:
    """Return the content of a file that may be JSON, or None."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        return load(path)
    except DentlineError:
        return None


def take(container: Any, name: str, kind: type[Kind], where: str, default: Kind = _REQUIRED) -> Kind:
    """Return ``container[name]`` if it is of `kind`; a null or a missing field is `default`.

    Raises:
        DentlineError: the field is missing and has no default, or is of another kind.
    """
    if not isinstance(container, dict):
        raise DentlineError(where, f"is {_short(container)}, not an object", "export it again")
    value = container.get(name)
    if value is None and default is not _REQUIRED:
        return default
    strange = (isinstance(value, bool) and kind is not bool) or (isinstance(value, int) and abs(value) > _LARGEST)
    if not isinstance(value, kind) or strange:
        problem = f"{name} is {_short(value)}, not {_NAMES[kind]}" if name in container else f"has no {name!r}"
        raise DentlineError(where, problem, "export it again")
    return value


def numbers(value: object, n: int, where: str) -> list[float]:
    """Return `value` if it is a list of at least `n` numbers."""
    if isinstance(value, list) and len(value) >= n and all(_is_number(v) for v in value):
        return [float(v) for v in value]
    raise DentlineError(where, f"is {_short(value)}", f"it must be a list of {n} numbers")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


_NAMES: dict[type, str] = {
    str: "a text",
    list: "a list",
    dict: "an object",
    int: "a whole number",
    bool: "true or false",
}
