"""Jobs of whole processes and of the disk: a score's row, and how soon a command answers."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness import Stage, Way
from dentline import recipe as recipes


def score_rows(folder: Path, rng: np.random.Generator) -> Stage:
    """A scored photo's row, committed before the answer leaves."""
    from deployment.answer import Answer, Defects, Quality
    from deployment.records import Records, ScoreRecord

    nothing = Defects(np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    looks = Quality(100.0, 20.0, 50.0, 0.0)
    when = "2026-11-20T10:00:00.000"
    answer = Answer("", "r", when, "m", "0" * 64, 1000, 960, 0.1, 0.5, "ok", nothing, looks, 3.0)
    count = iter(range(10**9))
    records = Records(folder / "scores.db")
    default = sqlite3.connect(folder / "default.db", isolation_level=None)
    default.execute(
        "CREATE TABLE score (score_id TEXT PRIMARY KEY, scored_at TEXT, model_id TEXT, p REAL, verdict TEXT)"
    )

    def ours() -> None:
        records.add([ScoreRecord(replace(answer, score_id=f"s{next(count)}"), "http")])

    def plain() -> None:
        row = (f"s{next(count)}", when, "m", 0.1, "ok")
        default.execute("INSERT INTO score VALUES (?, ?, ?, ?, ?)", row)

    def same() -> None:
        ours()
        stored = sqlite3.connect(folder / "scores.db").execute("SELECT count(*) FROM score").fetchone()[0]
        assert stored == 1, f"{stored} rows are stored, not 1"

    peers = (Way("SQLite's default", plain),)
    return Stage("score_rows", "row", Way("Records.add", ours), peers, same, {"SQLite's default": 30}, clock="wall")


def starts(folder: Path, rng: np.random.Generator) -> Stage:
    """The command line's help, beside importing Keras."""
    help_ = _start("-m", "commands.app", "--help")

    def same() -> None:
        assert "groups" in help_(), "the help does not name the commands"

    peers = (
        Way("import keras", _start("-c", "import keras")),
        Way("import numpy, cv2", _start("-c", "import numpy, cv2")),
    )
    bare = Way("python doing nothing", _start("-c", "pass"))
    ours, limit = Way("dentline --help", help_), ("python doing nothing", bare)
    return Stage("starts", "start", ours, peers, same, {}, limit, at_most_us=0.3e6)


def scoring_starts(folder: Path, rng: np.random.Generator) -> Stage:
    """``dentline score photo.jpg``, from nothing to the verdict in scores.db, beside importing Keras."""
    from dentline.workspace import Workspace
    from deployment import bundle, champion
    from deployment.scorer import Scorer
    from tests import tiny_model

    workspace = Workspace(folder / "project")
    workspace.photos.mkdir(parents=True)
    workspace.recipe.write_text(recipes.dumps(recipes.Recipe()), encoding="utf-8")
    made = tiny_model.write(workspace.bundle("tiny"), run_id="tiny")
    champion.promote(workspace, "tiny")
    photo = workspace.photos / "panel.jpg"
    pixels = tiny_model.surface(480, 480, [(200.0, 150.0)])
    photo.write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
    score = _start("-m", "commands.app", "score", str(workspace.root), str(photo))

    def same() -> None:
        scorer = Scorer(bundle.load(made.folder))
        scorer.setup()
        p = scorer.predict(scorer.decode(photo.read_bytes())).p
        assert abs(float(score().split("\t")[1]) - p) < 1e-4, "the command's answer is not the scorer's"

    peers = (Way("import keras", _start("-c", "import keras")),)
    imports = Way("its libraries", _start("-c", "import cv2, numpy, onnxruntime, sqlite3"))
    ours, limit = Way("dentline score photo.jpg", score), ("its libraries", imports)
    return Stage("scoring_starts", "start", ours, peers, same, {}, limit, at_most_us=1e6)


def _start(*words: str) -> Callable[[], str]:
    """Return what runs Python anew with these words and gives what it printed."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[1]), *sys.path[1:]])
    }

    def run() -> str:
        command = [sys.executable, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout

    return run
