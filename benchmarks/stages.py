"""The jobs that are timed, each beside what a user would pick instead. One function a job, one table of them."""

import io
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from augmentation import dihedral
from benchmarks.harness import Stage, Way, same_arrays
from dentline import images
from dentline.geometry import CONTEXT_PX, FIELD_PX

Make = Callable[[Path, np.random.Generator], Stage]
"""A scratch folder and a generator -> the stage, ready to run."""


def variants(folder: Path, rng: np.random.Generator) -> Stage:
    """All 48 variants of a patch, from its context."""
    context = _texture(rng, CONTEXT_PX, CONTEXT_PX)
    flips = (context, np.ascontiguousarray(context[:, ::-1]))
    middle = (CONTEXT_PX - 1) / 2
    corner = (CONTEXT_PX - FIELD_PX) / 2
    turns = []
    for k in range(dihedral.N_VARIANTS):
        turn = cv2.getRotationMatrix2D((middle, middle), dihedral.turn_deg(k), 1.0)
        turns.append(turn - np.array([[0, 0, corner], [0, 0, corner]]))

    def plain() -> NDArray[np.uint8]:
        made = [cv2.warpAffine(flips[dihedral.is_mirrored(k)], turns[k], (FIELD_PX, FIELD_PX)) for k in range(48)]
        return np.asarray(made, np.uint8)

    def same() -> None:
        off = np.abs(dihedral.variants(context).astype(int) - plain())
        assert off.mean() < 1 and off.max() <= 16, (
            f"variants differ by {off.mean():.2f} on average, {off.max()} at most"
        )

    peers = [Way("a warpAffine a variant", plain), *_albumentations(context), *_keras_layers(context)]
    copy = np.empty((48, FIELD_PX, FIELD_PX, 3), np.uint8)
    field = np.ascontiguousarray(context[24:-24, 24:-24])
    return Stage(
        "variants",
        "patch",
        Way("dihedral.variants", lambda: dihedral.variants(context)),
        tuple(peers),
        same,
        {"a warpAffine a variant": 17, "albumentations": 50, "Keras preprocessing layers": 150},
        ("copying 48 patches", Way("copying 48 patches", lambda: np.copyto(copy, field))),
    )


def reading(folder: Path, rng: np.random.Generator) -> Stage:
    """A JPEG of one megapixel from its bytes to RGB."""
    from PIL import Image

    data = cv2.imencode(".jpg", _texture(rng, 960, 1040), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()

    def pillow() -> NDArray[np.uint8]:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def opencv() -> NDArray[np.uint8]:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)

    def same() -> None:
        same_arrays(images.decode(data), [("OpenCV in full", opencv())])
        same_arrays(images.decode(data), [("Pillow", pillow())], tolerance=8)

    return Stage(
        "reading",
        "photo",
        Way("dentline.images.decode", lambda: images.decode(data)),
        (Way("Pillow", pillow), Way("OpenCV in full", opencv)),
        same,
        {"Pillow": 4, "OpenCV in full": 2},
    )


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
    root = Path(__file__).resolve().parents[1]

    def start(*words: str) -> Callable[[], str]:
        environment = os.environ | {"PYTHONPATH": str(root)}

        def run() -> str:
            done = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, check=True)
            return done.stdout

        return run

    help_ = start("-m", "commands.app", "--help")

    def same() -> None:
        assert "groups" in help_(), "the help does not name the commands"

    peers = (
        Way("import keras", start("-c", "import keras")),
        Way("import numpy, cv2", start("-c", "import numpy, cv2")),
    )
    bare = Way("python doing nothing", start("-c", "pass"))
    return Stage("starts", "start", Way("dentline --help", help_), peers, same, {}, ("python doing nothing", bare))


def dense_scan(folder: Path, rng: np.random.Generator) -> Stage:
    """Every place of a 960 x 960 photo at stride 8, beside one window after the other."""
    from benchmarks.vgg_maps import patch_model
    from deployment.engine import OnnxEngine
    from deployment.scan import probabilities
    from labeling.patches import reflected

    engine = OnnxEngine(patch_model(rng))
    photo = _texture(rng, 960, 960)
    n_places = 121 * 121
    some = [(int(i) * 8, int(j) * 8) for i, j in rng.integers(0, 121, (32, 2))]

    def windows() -> NDArray[np.float32]:
        half = FIELD_PX // 2
        index = [[reflected(at - half, at + half, 960) for at in place] for place in some]
        return np.array([engine.run(photo[y[:, None], x][None])[0, 0, 0] for y, x in index], np.float32)

    def same() -> None:
        whole = probabilities(engine, photo)
        same_arrays(windows(), [("the scan", np.array([whole[y // 8, x // 8] for y, x in some]))], tolerance=1e-4)

    return Stage(
        "dense_scan",
        "place",
        Way("deployment.scan", lambda: probabilities(engine, photo), n_places),
        (Way("separate windows", windows, len(some)),),
        same,
        {"separate windows": 60},
    )


def _albumentations(context: NDArray[np.uint8]) -> list[Way]:
    try:
        import albumentations
    except ImportError:
        return []
    turn = albumentations.Compose(
        [
            albumentations.Rotate((-180, 180), p=1),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.CenterCrop(FIELD_PX, FIELD_PX),
        ]
    )
    return [Way("albumentations", lambda: [turn(image=context)["image"] for _ in range(48)])]


def _keras_layers(context: NDArray[np.uint8]) -> list[Way]:
    try:
        import keras
    except ImportError:
        return []
    layers = keras.Sequential(
        [
            keras.layers.RandomRotation(0.5),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.CenterCrop(FIELD_PX, FIELD_PX),
        ]
    )
    batch = np.repeat(context[None], 48, axis=0).astype(np.float32)
    return [Way("Keras preprocessing layers", lambda: layers(batch, training=True))]


def _texture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    noise = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)).astype(np.float32), (0, 0), 2.0)
    return np.clip(128 + 200 * noise, 0, 255).astype(np.uint8)


STAGES: dict[str, Make] = {
    "variants": variants,
    "reading": reading,
    "score_rows": score_rows,
    "dense_scan": dense_scan,
    "starts": starts,
}


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for what a stage writes, gone afterwards."""
    return tempfile.TemporaryDirectory(prefix="dentline-bench-")
