"""The tiles benchmark on a small album of its own making."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import album, black_corners, tiles
from dentline import recipe
from training.data import Examples


def test_command_writes_the_figures_of_each_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_album: Callable[[Path, int], Path]
) -> None:
    data, test = small_album(tmp_path / "a", 0), small_album(tmp_path / "b", 1)
    common = ("--data", str(data), "--models", "blobs", "vgg16", "--weights", str(tmp_path / "none.npz"))
    for extra, n in (((), 144 - 8), (("--test", str(test)), 144 - 8)):
        out = tmp_path / f"out{len(extra)}.json"
        tiles.main([*common, "--json", str(out), "--seeds", "2", "--folds", "2", *extra])
        printed = capsys.readouterr().out
        found = json.loads(out.read_text())
        row = found["models"]["blobs"]
        for name in ("auc", "average_precision", "f1", "precision", "recall"):
            assert row[name]["low"] <= row[name]["value"] <= row[name]["high"]
        assert abs(row["auc"]["n"] - n) <= 8 and row["recall"]["n"] == 8
        assert row["auc"]["value"] > 0.95
        assert "none.npz" in found["not_run"]["vgg16"] and "not run" in printed
        assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_parts_are_never_on_both_sides(tmp_path: Path, small_album: Callable[[Path, int], Path]) -> None:
    examples = album.examples(album.read(small_album(tmp_path / "a", 2)), recipe.Patches())
    seen = []

    def spy(train: tiles.Rows, test: tiles.Rows, seed: int) -> tiles.Judged:
        assert not set(examples.group[train]) & set(examples.group[test])
        seen.extend(test.tolist())
        return tiles.Judged(np.zeros(len(test)), 0.5)

    tiles.cross_validate(spy, examples, 4, range(2), lambda line: None)
    assert sorted(seen) == sorted([*range(len(examples))] * 2)


def test_black_corners_are_black_and_real_ones_are_not() -> None:
    patch = np.full((160, 160, 3), 200, np.uint8)
    assert black_corners.turned(patch, 45).min() == 200
    assert black_corners.turned(patch[48:112, 48:112], 45)[0, 0].max() == 0


def test_worst_are_those_wrong_in_most_seeds() -> None:
    label = np.array([1, 1, 0, 0], np.int8)
    names = np.array(list("abcd"))
    examples = Examples(np.zeros((4, 160, 160, 3), np.uint8), label, names, names, names)
    p = np.array([[0.9, 0.1, 0.8, 0.1], [0.9, 0.2, 0.7, 0.9], [0.8, 0.9, 0.9, 0.2]])
    assert tiles.worst(tiles.Pooled(p, p >= 0.5), examples) == ([1], [2])
