"""What the weights' comparison says of scores that are known."""

import numpy as np
import pytest

from benchmarks import surface
from benchmarks.patchwork import Fields
from benchmarks.surface import Score

FIELDS = Fields(
    np.zeros((8, 112, 112, 3), np.uint8),
    np.array([1, 0, 1, 0, 1, 0, 1, 0], bool),
    np.array(["a", "a", "b", "b", "c", "c", "d", "d"]),
)
RIGHT = np.tile([4.0, 0.0, 3.0, -1.0, 2.0, -2.0, 1.5, -3.0], (3, 1))
ALARMED = RIGHT.copy()
ALARMED[:, 1] = 5  # the clean patch of group a lies above every dent


def scores(kind: str, name: str, p: np.ndarray) -> list[Score]:
    return [Score(kind, name, "mean", None, p)]


def test_the_group_that_costs_most_is_named_and_what_it_costs() -> None:
    found = surface.costliest(FIELDS, [*scores("surface", "s", ALARMED), *scores("imagenet", "i", RIGHT)])
    assert [(row["weights"], row["group"]) for row in found] == [("surface", "a")]
    with_alarm = (1 / 2 + 2 / 3 + 3 / 4 + 4 / 5) / 4
    assert found[0]["average_precision_gained"] == pytest.approx(1 - with_alarm)


def test_the_table_pairs_each_kind_with_imagenet_and_tells_its_seeds() -> None:
    every = [*scores("imagenet", "i", RIGHT), *scores("surface", "s", ALARMED), *scores("surface", "t", RIGHT)]
    imagenet, ours = surface.table(FIELDS, every)
    assert imagenet["average_precision"]["value"] == 1 and imagenet["n_seeds"] == 1
    assert ours["n_seeds"] == 2 and max(ours["average_precision_by_seed"]) == 1
    gap = ours["average_precision_minus_imagenet"]
    assert gap["value"] == pytest.approx(ours["average_precision"]["value"] - 1) and gap["high"] == 0
