import tomllib
from dataclasses import replace

import pytest

from dentline import recipe
from dentline.errors import DentlineError


def test_written_recipe_reads_back_the_same() -> None:
    changed = replace(recipe.Recipe(), name='a "quoted" part', train=recipe.Train(models=("scratch",), epochs=3))
    assert recipe.parse(tomllib.loads(recipe.dumps(changed))) == changed


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"nmae": "x"}, ["nmae", "did you mean 'name'"]),
        ({"train": {"epoch": 3}}, ["[train]", "epoch", "'epochs'"]),
        ({"train": {"epochs": 0}}, ["epochs", "is 0", "at least 1"]),
        ({"train": {"epochs": True}}, ["epochs", "whole number"]),
        ({"train": {"epochs": 1.5}}, ["epochs", "whole number"]),
        ({"split": {"train": 0.9}}, ["[split]", "sum to 1.3"]),
        ({"split": {"train": float("nan")}}, ["train", "nan"]),
        ({"task": "dog"}, ["task", "'patch'"]),
        ({"train": {"models": []}}, ["models", "list"]),
        ({"train": 3}, ["[train]", "not a table"]),
    ],
)
def test_wrong_field_is_refused_by_name(table: dict[str, object], words: list[str]) -> None:
    with pytest.raises(DentlineError) as caught:
        recipe.parse(table)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)
