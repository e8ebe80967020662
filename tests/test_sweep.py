"""Sweeps: fields by name, the best inside grouped cross-validation, resumable, the same whoever works."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dentline import recipe as recipes
from dentline import shards
from dentline.errors import DentlineError
from dentline.recipe import Recipe
from dentline.shards import Task
from dentline.workspace import Workspace
from tests import patch_project
from training import candidates, folds, sweep
from training.data import Examples

OWN = replace(
    Recipe(),
    train=recipes.Train(models=("scratch",), epochs=2, epoch_patches=1, batch_size=16),
    scan=recipes.Scan(proposals=0),
)


def fields(*texts: str) -> list[candidates.Field]:
    return [candidates.parse(text) for text in texts]


def test_grid_has_every_combination_and_the_recipe_as_it_is_first() -> None:
    found = candidates.grid(OWN, fields("train.learning_rate=0.002,0.01", "augment.variants=none,dihedral48"))
    assert [c.recipe.train.learning_rate for c in found] == [0.002, 0.002, 0.002, 0.01, 0.01]
    assert [c.recipe.augment.variants for c in found] == ["scaled", "none", "dihedral48", "none", "dihedral48"]
    assert candidates.grid(OWN, []) == [candidates.Candidate((), OWN)]


def test_field_of_one_value_holds_for_the_recipe_too() -> None:
    found = candidates.grid(OWN, fields("train.epochs=1", "train.batch_size=16,32"))
    assert [(c.recipe.train.epochs, c.recipe.train.batch_size) for c in found] == [(1, 16), (1, 32)]


def test_lists_and_texts_are_values() -> None:
    (pools,) = fields('vgg16.pools=["max"],["mean", "max"]')
    found = candidates.grid(OWN, [pools])
    assert [c.recipe.vgg16.pools for c in found] == [("mean", "max", "centre"), ("max",), ("mean", "max")]


def test_random_draws_lie_in_their_range_and_come_again_with_the_seed() -> None:
    wanted = fields("train.learning_rate=1e-4..1e-1", "train.patience=2..9", "augment.variants=none,scaled")
    drawn = [candidates.random(OWN, wanted, 40, np.random.default_rng(3)) for _ in range(2)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 41
    rates = [c.recipe.train.learning_rate for c in drawn[0][1:]]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert 5 < sum(rate < 10**-2.5 for rate in rates) < 35, "drawn by the logarithm"
    assert {c.recipe.train.patience for c in drawn[0][1:]} <= set(range(2, 10))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train.learning_rat=1", "learning_rate"),
        ("train.learning_rate=-1", "at least"),
        ("train.learning_rate=fast", "write a number"),
        ("augment.variants=all", "allowed are"),
        ("patches.seed=1,2", r"\[patches\] is not varied"),
        ("train.epochs", "is not SECTION.FIELD=VALUES"),
        ("train.epochs=9..2", "before it begins"),
        ("train.epochs=2..9", "draw from it with --random"),
        ('vgg16.pools=["max"', "cannot be read"),
    ],
)
def test_wrong_field_or_value_is_named(text: str, said: str) -> None:
    with pytest.raises(DentlineError, match=said):
        candidates.grid(OWN, fields(text))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return patch_project.write(
        tmp_path_factory.mktemp("sweep") / "part", OWN, {"train": 32, "validation": 8, "test": 8}
    )


@pytest.fixture
def without_training(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[str], list[str]]]:
    """Replaces learning by a rule that is the better the larger the batch; returns what each call learnt from."""
    calls: list[tuple[int, list[str], list[str]]] = []
    real = folds.material

    def stand_in(workspace: Workspace, recipe: Recipe, model: str) -> folds.Material:
        found = real(workspace, recipe, model)

        def learn(model: str, kept: folds.Rows, out: folds.Rows, folder: Path) -> NDArray[np.float64]:
            calls.append((recipe.train.batch_size, found.group[kept].tolist(), found.group[out].tolist()))
            noise = np.random.default_rng(len(out)).random(len(out))
            return found.label[out] + noise * (100 / recipe.train.batch_size)

        return replace(found, learn=learn)

    monkeypatch.setattr(folds, "material", stand_in)
    monkeypatch.setattr(sweep, "start", lambda: None)
    return calls


def plan(workspace: Workspace, out: Path, *texts: str, n_folds: int = 4) -> sweep.Sweep:
    return sweep.plan(workspace, "scratch", candidates.grid(OWN, fields(*texts)), n_folds, 0, out)


def test_best_is_chosen_on_groups_left_out(
    workspace: Workspace, tmp_path: Path, without_training: list[tuple[int, list[str], list[str]]]
) -> None:
    rows = sweep.run(plan(workspace, tmp_path / "out", "train.batch_size=16,1024"))
    assert [row.candidate.recipe.train.batch_size for row in rows] == [1024, 16]
    assert recipes.load(tmp_path / "out" / "recipe.toml").train.batch_size == 1024
    assert rows[0].reached.value == 1 and rows[0].lead.low > 0 and rows[-1].lead.value == 0
    assert rows[0].reached.n == 32 and rows[0].n_groups == 8
    for _, kept, out in without_training:
        assert not set(kept) & set(out) and set(kept) | set(out) == {f"train-{k}" for k in range(8)}
    with (tmp_path / "out" / "sweep.csv").open(newline="") as handle:
        table = list(csv.DictReader(handle))
    assert table[0]["train.batch_size"] == "1024" and table[0]["average_precision"] == "1.000000"
    assert list(table[0])[:3] == ["candidate", "train.batch_size", "average_precision"]


def test_test_side_is_not_even_read(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_training: object
) -> None:
    real = Examples.of

    def checked(found: object, split: str) -> Examples:
        assert split != "test"
        return real(found, split)

    folds._examples.cache_clear()
    monkeypatch.setattr(Examples, "of", checked)
    sweep.run(plan(workspace, tmp_path / "out", "train.batch_size=16,64"))
    folds._examples.cache_clear()


def test_stopped_sweep_goes_on_and_another_is_refused(
    workspace: Workspace, tmp_path: Path, without_training: list[object]
) -> None:
    def stopped(tasks: Iterable[Task]) -> Iterator[None]:
        for task in list(tasks)[:3]:
            yield task()
        raise KeyboardInterrupt

    job = plan(workspace, tmp_path / "out", "train.batch_size=16,64")
    with pytest.raises(KeyboardInterrupt):
        sweep.run(job, stopped)
    rows = sweep.run(plan(workspace, tmp_path / "out", "train.batch_size=16,64"))
    assert len(without_training) == 8
    assert rows == sweep.run(plan(workspace, tmp_path / "whole", "train.batch_size=16,64"))
    with pytest.raises(DentlineError, match="results of other inputs"):
        plan(workspace, tmp_path / "out", "train.batch_size=16,32")


def test_more_folds_than_groups_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DentlineError, match="--folds 9: the training side has 8 groups"):
        plan(workspace, tmp_path / "out", n_folds=9)


@pytest.mark.slow
def test_real_training_gives_the_same_table_by_processes(workspace: Workspace, tmp_path: Path) -> None:
    tables = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        job = plan(workspace, out, "train.batch_size=16,32", n_folds=2)
        sweep.run(job, shards.processes(workers))
        tables.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*.csv")})
    assert len(tables[0]) == 5 and tables[0] == tables[1]
