"""Each neighbour's whole way on generated photos, from init to a row in the dashboard."""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.app import app
from dentline import recipe
from dentline.errors import DentlineError
from dentline.workspace import Workspace


@dataclass(frozen=True)
class Way:
    """How a recipe is made small: what replaces what in its file, and what comes out."""

    samples: str
    n_parts: int
    smaller: tuple[tuple[str, str], ...]
    ran: tuple[str, ...]
    measure: str
    not_run: tuple[str, ...] = ()


WAYS = {
    "nails": Way("nails", 16, (), ("measures",), "accuracy"),
    "nails_article": Way("nails", 16, ((r"epochs = \d+", "epochs = 2"),), ("nails",), "accuracy"),
    "screws": Way(
        "screws",
        24,
        (("n = 0.8\n", "n = 0.6\n"), ("n = 0.1\n", "n = 0.2\n"), ("st = 0.1", "st = 0.2")),
        ("vgg16_to_block3",),
        "recall",
    ),
    "screws_article": Way(
        "screws",
        24,
        (
            ("=256", "=64"),
            (r"epochs = \d+", "epochs = 1"),
            ("n = 0.8\n", "n = 0.6\n"),
            ("n = 0.1\n", "n = 0.2\n"),
            ("st = 0.1", "st = 0.2"),
        ),
        ("resnet18",),
        "recall",
    ),
    "parts": Way(
        "parts",
        16,
        (
            (r"\[augment\]", '[prepare]\nsteps = ["resize(width_px=48, height_px=48)"]\n[augment]'),
            (r"epochs = \d+", "epochs = 2"),
            (r'(?s)"vgg16_whole".*"efficientnet_b0",', ""),
            ('learn = "head"', 'learn = "all"'),
        ),
        ("tiny_vgg", "vgg16_to_block3"),
        "f1",
        ("mobilenet",),
    ),
    "certificates": Way(
        "certificates",
        24,
        (("=128", "=64"), (r"epochs = \d+", "epochs = 2")),
        ("corners_s",),
        "coordinate_error_px",
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
    source, root = tmp_path / "source", tmp_path / "project"
    call("samples", way.samples, source, "--parts", way.n_parts)
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
    assert sorted(run.name[16:] for run in runs) == sorted(way.ran)
    for run in runs:
        measured = json.loads((run / "metrics.json").read_text())
        assert measured["test"][way.measure]["n"] > 0
        page = (run / "report.html").read_text(encoding="utf-8")
        assert len(page) > 2000
        if "recall" in measured["test"]:
            assert "verdicts on the test photos" in page and "called defective" in page and "patches;" not in page
            heads = run.name.endswith("-vgg16_to_block3") and name == "screws"
            assert ("of training too, each scored without its group" in page) == heads
        assert len((run / "predictions.csv").read_text().splitlines()) > 2
        assert (run / "network.npz").is_file() != run.name.endswith("-measures")
    call("promote", root, runs[-1].name)
    photo = next((source / "photos").iterdir())
    line = call("score", root, photo)
    assert line.startswith(("ok\t", "defect\t"))
    call("export", root)
    (fact,) = (workspace.dashboard / "fact_score").glob("*.csv")
    (row,) = csv.DictReader(fact.read_text(encoding="utf-8-sig").splitlines())
    assert row["photo_id"].endswith(photo.name)
    if recipe.load(workspace.recipe).task == "corners":
        assert row["n_defects"] == "4"
        assert "moves the corners by" in call("explain", root, photo, "--out", tmp_path / "why.png", "--areas", 2)
        assert list((runs[-1] / "logs").rglob("events.out.*"))
    else:
        assert "lowers it by" in call("explain", root, photo, "--out", tmp_path / "why.png", "--areas", 2)
        assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")
        looked = CliRunner().invoke(
            app, ["explain", str(root), str(photo), "--by", "cam", "--out", str(tmp_path / "c.png")]
        )
        none = "has no Grad-CAM output" if way.ran == ("measures",) else "the map is empty"  # hardly trained
        assert none in str(looked.exception) or re.search(
            r"hiding the yellow area.* (as much hidden elsewhere lowers|no room to hide as much elsewhere)",
            " ".join(looked.output.split()),
        )
    if way.not_run:
        assert list((root / "features").glob("vgg16_to_block3-*.npy"))


def unreachable(host: str) -> None:
    raise OSError("no network in tests")


def test_a_model_of_another_task_is_refused_by_name(tmp_path: Path) -> None:
    from training import whole

    job = recipe.Recipe(task="image", train=recipe.Train(models=("vgg16",)))
    with pytest.raises(DentlineError, match="known for the task image are: measures, nails, scratch, tiny_vgg"):
        whole.sides_of(Workspace(tmp_path), job, job.train.models)
