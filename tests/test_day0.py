"""Day 0: the kept heads as a patch model, its bundle, and how finding is judged."""

from pathlib import Path

import numpy as np
import pytest

from dentline.errors import DentlineError
from deployment import bundle, scan
from deployment.engine import OnnxEngine
from training import day0
from training.models import weights


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights and heads drawn at random, as a pretraining would save them."""
    path = tmp_path_factory.mktemp("weights") / "weights.npz"
    rng = np.random.default_rng(0)
    arrays = dict(weights.random().arrays)
    for head, channels in (("cells2", 128), ("cells3", 256)):
        arrays[f"{head}_kernel"] = rng.normal(0, 0.004, (channels, 8)).astype(np.float32)
        arrays[f"{head}_bias"] = rng.normal(0, 0.1, 8).astype(np.float32)
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def made(untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> bundle.Bundle:
    golden = np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    return day0.export(tmp_path_factory.mktemp("project") / "day0", golden, untrained)


def test_the_bundle_verifies_and_says_what_it_is(made: bundle.Bundle) -> None:
    read = bundle.load(made.folder)
    assert read.contract.weights == "surface"
    assert read.contract.model == "day0"
    assert np.ptp(read.golden.p) > 1e-4


def test_a_place_of_the_scan_is_the_patch_cut_there(made: bundle.Bundle) -> None:
    photo = np.random.default_rng(2).integers(0, 256, (184, 208, 3), dtype=np.uint8)
    engine = OnnxEngine(made.model)
    found = scan.probabilities(engine, photo)
    field = photo[96 - 56 : 96 + 56, 104 - 56 : 104 + 56]
    assert abs(found[12, 13] - engine.run(field[None])[0, 0, 0]) < 1e-4


def test_weights_without_heads_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, block1_conv1_bias=np.zeros(64))
    with pytest.raises(DentlineError, match="no heads for day 0"):
        day0.build(path)
