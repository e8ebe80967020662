"""The tiles benchmark on a small album of its own making."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import album, tiles
from dentline import images, recipe
from training.data import Examples


def make(folder: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    listed, centers = [], []
    for tile in range(8):
        for shot in range(2):
            photo = rng.normal(120, 6, (200, 220, 3))
            name = f"t{tile}-{shot}.png"
            if tile < 4:
                x, y = rng.uniform(60, 140, 2)
                yy, xx = np.mgrid[:200, :220] + 0.5
                photo -= 60 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 60)[..., None]
                centers.append((name, f"{x:.1f}", f"{y:.1f}"))
            (folder / "images" / name).write_bytes(images.encode_png(np.clip(photo, 0, 255).astype(np.uint8)))
            listed.append((name, "pit" if tile < 4 else "free", f"T{tile}"))
    for table, head, rows in (
        ("images.csv", ("image", "surface", "tile"), listed),
        ("centers.csv", ("image", "x", "y"), centers),
    ):
        with (folder / table).open("w", newline="") as handle:
            csv.writer(handle).writerows([head, *rows])
    return folder


def test_command_writes_the_figures_of_each_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, test = make(tmp_path / "a", 0), make(tmp_path / "b", 1)
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


def test_parts_are_never_on_both_sides(tmp_path: Path) -> None:
    examples = album.examples(album.read(make(tmp_path / "a", 2)), recipe.Patches())
    seen = []

    def spy(train: tiles.Rows, test: tiles.Rows, seed: int) -> tiles.Judged:
        assert not set(examples.group[train]) & set(examples.group[test])
        seen.extend(test.tolist())
        return tiles.Judged(np.zeros(len(test)), 0.5)

    tiles.cross_validate(spy, examples, 4, range(2), lambda line: None)
    assert sorted(seen) == sorted([*range(len(examples))] * 2)


def test_black_corners_are_black_and_real_ones_are_not() -> None:
    patch = np.full((160, 160, 3), 200, np.uint8)
    assert tiles._turned(patch, 45).min() == 200
    assert tiles._turned(patch[48:112, 48:112], 45)[0, 0].max() == 0


def test_worst_are_those_wrong_in_most_seeds() -> None:
    label = np.array([1, 1, 0, 0], np.int8)
    names = np.array(list("abcd"))
    examples = Examples(np.zeros((4, 160, 160, 3), np.uint8), label, names, names, names)
    p = np.array([[0.9, 0.1, 0.8, 0.1], [0.9, 0.2, 0.7, 0.9], [0.8, 0.9, 0.9, 0.2]])
    assert tiles.worst(tiles.Pooled(p, p >= 0.5), examples) == ([1], [2])
