"""Each neighbour's whole way on generated photos, from init to a row in the dashboard."""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from commands.app import app
from dentline import recipe
from dentline.errors import DentlineError
from dentline.workspace import Workspace


@dataclass(frozen=True)
class Way:
    """How a recipe is made small: what replaces what in its file, and what comes out."""

    n_parts: int
    smaller: tuple[tuple[str, str], ...]
    ran: tuple[str, ...]
    not_run: tuple[str, ...]
    measure: str


WAYS = {
    "nails": Way(16, (), ("measures",), (), "accuracy"),
    "screws": Way(
        24,
        (
            ("256", "64"),
            ("epochs = 60", "epochs = 1"),
            ("n = 0.8\n", "n = 0.6\n"),
            ("n = 0.1\n", "n = 0.2\n"),
            ("st = 0.1", "st = 0.2"),
        ),
        ("resnet18",),
        (),
        "recall",
    ),
    "parts": Way(
        16,
        (("112", "48"), ("epochs = 30", "epochs = 2"), (r'"vgg16_whole".*"efficientnet_b0", ', "")),
        ("tiny_vgg",),
        ("mobilenet",),
        "f1",
    ),
    "certificates": Way(
        24, (("=128", "=64"), ("epochs = 120", "epochs = 2")), ("corners_s",), (), "coordinate_error_px"
    ),
}


def call(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("name", WAYS)
def test_the_whole_way(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = WAYS[name]
    monkeypatch.setenv("HOME", str(tmp_path))  # no weights in Keras' cache, and none to be fetched
    monkeypatch.setattr("training.models.backbones.reach", unreachable)
    source, root = tmp_path / "source", tmp_path / name
    call("samples", name, source, "--parts", way.n_parts)
    call("init", root, "--recipe", name)
    text = (root / "recipe.toml").read_text()
    for old, new in way.smaller:
        text, n = re.subn(old, new, text)
        assert n, f"{old} is no longer in recipes/{name}.toml"
    (root / "recipe.toml").write_text(text)
    call("import", root, source)
    call("split", root)
    told = call("train", root)
    for model in way.not_run:
        assert re.search(rf"^{model}: not run: .*weights", told, re.M), told

    workspace = Workspace.open(root)
    runs = sorted(workspace.runs.iterdir())
    assert tuple(run.name[16:] for run in runs) == way.ran
    for run in runs:
        measured = json.loads((run / "metrics.json").read_text())
        assert measured["test"][way.measure]["n"] > 0
        assert (run / "report.html").stat().st_size > 2000
        assert len((run / "predictions.csv").read_text().splitlines()) > 2
    call("promote", root, runs[0].name)
    photo = next((source / "photos").iterdir())
    line = call("score", root, photo)
    assert line.startswith(("ok\t", "defect\t"))
    call("export", root)
    (fact,) = (workspace.dashboard / "fact_score").glob("*.csv")
    (row,) = csv.DictReader(fact.read_text(encoding="utf-8-sig").splitlines())
    assert row["photo_id"].endswith(photo.name)
    if recipe.load(workspace.recipe).task == "corners":
        assert row["n_defects"] == "4"
        with pytest.raises(DentlineError, match="finds corners"):
            call("explain", root, photo, "--out", tmp_path / "why.png")
        assert list((runs[0] / "logs").rglob("events.out.*"))
    else:
        assert "lowers it by" in call("explain", root, photo, "--out", tmp_path / "why.png", "--areas", 2)
        assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


def unreachable(host: str) -> None:
    raise OSError("no network in tests")


def test_a_model_of_another_task_is_refused_by_name(tmp_path: Path) -> None:
    from training import whole

    job = recipe.Recipe(task="image", train=recipe.Train(models=("scratch",)))
    with pytest.raises(DentlineError, match="known for the task image are: measures, nails, tiny_vgg"):
        whole.sides_of(Workspace(tmp_path), job, job.train.models)
