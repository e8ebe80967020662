"""The recipes that a sweep tries: named fields, each with the values it may take, checked as a recipe is."""

import itertools
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.recipe import Recipe

SECTIONS = ("augment", "train", "vgg16", "backbone", "prepare")
"""What a sweep may vary. The others say what the data are, or what becomes of a model: another sweep, or none."""

_RANGE = re.compile(r"(?P<low>[-+.\deE]+?)\.\.(?P<high>[-+.\deE]+)")


@dataclass(frozen=True)
class Field:
    """A field of the recipe and what it may be.

    Attributes:
        name: ``section.field``.
        values: to choose from; empty for a range.
        low, high: of a range, both possible. Drawn by its logarithm where it spans a factor of ten.
    """

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one value."""
        if self.values:
            return self.values[int(rng.integers(len(self.values)))]
        if self.low > 0 and self.high >= 10 * self.low:
            drawn = float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        else:
            drawn = float(rng.uniform(self.low, self.high))
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        return round(drawn) if whole else float(f"{drawn:.4g}")


@dataclass(frozen=True)
class Candidate:
    """One recipe of a sweep and where it differs.

    Attributes:
        changes: (name, value) of each field that is varied.
    """

    changes: tuple[tuple[str, Any], ...]
    recipe: Recipe


def parse(text: str) -> Field:
    """Read ``train.learning_rate=0.001,0.01``, ``vgg16.pools=["max"],["mean", "max"]`` or ``train.epochs=5..50``.

    Raises:
        DentlineError: it is not written so, or the field is none that a sweep varies.
    """
    name, equals, given = text.partition("=")
    where, section = f"--vary {text}", name.partition(".")[0]
    if not equals or not given or "." not in name:
        raise DentlineError(where, "is not SECTION.FIELD=VALUES", "write it like train.learning_rate=0.001,0.01")
    if section not in SECTIONS:
        raise DentlineError(where, f"[{section}] is not varied by a sweep", f"known are: {', '.join(SECTIONS)}")
    found = _RANGE.fullmatch(given)
    try:
        if found:
            low, high = tomllib.loads(f"low = {found['low']}\nhigh = {found['high']}").values()
            if not low < high:
                raise DentlineError(where, f"the range ends at {high}, before it begins", "write it as LOW..HIGH")
            return Field(name, low=low, high=high)
        return Field(name, tuple(tomllib.loads(f"values = [{given}]")["values"]))
    except tomllib.TOMLDecodeError as error:
        if re.search(r"[\[\]\"'=]", given):
            raise DentlineError(
                where, f"cannot be read: {error}", 'write texts in "quotes", or as bare words'
            ) from error
        return Field(name, tuple(given.split(",")))


def grid(recipe: Recipe, fields: Sequence[Field]) -> list[Candidate]:
    """Return every combination of the fields' values, the recipe's own first.

    Raises:
        DentlineError: a range, or a value that the recipe refuses.
    """
    for field in fields:
        if not field.values:
            raise DentlineError(f"--vary {field.name}", "is a range", "draw from it with --random N, or list values")
    return _candidates(recipe, fields, itertools.product(*(field.values for field in fields)))


def random(recipe: Recipe, fields: Sequence[Field], n: int, rng: np.random.Generator) -> list[Candidate]:
    """Return `n` recipes drawn at random, the recipe's own first; fewer where they come out the same.

    Raises:
        DentlineError: a value that the recipe refuses.
    """
    return _candidates(recipe, fields, (tuple(field.draw(rng) for field in fields) for _ in range(n)))


def _candidates(recipe: Recipe, fields: Sequence[Field], drawn: Iterable[Sequence[Any]]) -> list[Candidate]:
    """A field of one value holds for all, the recipe's own too, so that they differ in what is varied alone."""
    names = [field.name for field in fields]
    table = tomllib.loads(recipes.dumps(recipe))
    change = _changer(table)
    fixed = [(field.name, field.values[0]) for field in fields if len(field.values) == 1]
    own = change(fixed)
    first = [(name, _own(tomllib.loads(recipes.dumps(own)), name)) for name in names]
    found: dict[str, Candidate] = {}
    for changes in (first, *(list(zip(names, values, strict=True)) for values in drawn)):
        made = change(changes)
        found.setdefault(recipes.dumps(made), Candidate(tuple(changes), made))
    return list(found.values())


def _changer(table: dict[str, Any]) -> Callable[[Sequence[tuple[str, Any]]], Recipe]:
    def change(changes: Sequence[tuple[str, Any]]) -> Recipe:
        changed = {name: dict(part) if isinstance(part, dict) else part for name, part in table.items()}
        for name, value in changes:
            section, _, field = name.partition(".")
            changed[section][field] = value
        return recipes.parse(changed, "--vary")

    return change


def _own(table: dict[str, Any], name: str) -> Any:
    section, _, field = name.partition(".")
    return table[section].get(field)
