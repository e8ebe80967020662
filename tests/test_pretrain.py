"""Learning on generated surfaces: what is kept is VGG16 to the letter, and a stop loses nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from dentline.options import load_as
from samples import surfaces
from samples.defects import KINDS
from samples.textures import TEXTURES
from training import pretrain
from training.models import surface, vgg16, weights

ROOT = Path(__file__).resolve().parents[1]
SIZES = len(KINDS), len(TEXTURES), len(surfaces.NUISANCES)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """An untrained network for whole fields, its normalisations as if it had seen something."""
    made = surface.build(FIELD_PX, *SIZES, bfloat16=False)
    rng = np.random.default_rng(0)
    for norm in surface.normalisations(made):
        shape = norm.gamma.shape
        norm.set_weights([rng.uniform(low, high, shape) for low, high in ((0.5, 2), (-1, 1), (-1, 1), (0.5, 3))])
    return made


def test_folded_weights_are_the_network_in_vgg16s_own_architecture(network: keras.Model) -> None:
    arrays = surface.folded(network)
    field = np.random.default_rng(1).integers(0, 256, (1, FIELD_PX, FIELD_PX, 3), dtype=np.uint8)
    last = network.get_layer("block3_found")
    padded = np.asarray(keras.Model(network.input, last.output)(field.astype(np.float32)))[0]
    trunk = vgg16.features(arrays, pools=("mean",))
    valid = np.asarray(keras.Model(trunk.input, trunk.get_layer("block3_pool").output)(field))[0]
    middle = padded[3:11, 3:11]  # the patch's own cells, out of the padding's reach
    assert valid.shape == middle.shape
    assert np.abs(valid - middle).max() < 1e-3 * np.abs(middle).max()


def test_saved_weights_are_read_as_any_others(network: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    pretrain._save(path, surface.folded(network))
    assert path.stat().st_size < 4_000_000
    found = weights.read(path).arrays
    expected = surface.folded(network)
    for name, (kernel, bias) in weights.shapes().items():
        assert found[f"{name}_kernel"].shape == kernel
        assert found[f"{name}_bias"].shape == bias
        assert np.allclose(found[f"{name}_kernel"], expected[f"{name}_kernel"], rtol=1e-3, atol=1e-5)


def test_the_recipe_in_the_repository_is_the_default() -> None:
    assert load_as(pretrain.Pretrain, ROOT / "recipes" / "pretrain.toml") == pretrain.Pretrain()


def test_a_folder_of_another_recipe_is_refused(tmp_path: Path) -> None:
    pretrain._claim(tmp_path, pretrain.Pretrain(), 0)
    pretrain._claim(tmp_path, pretrain.Pretrain(), 0)
    with pytest.raises(DentlineError, match="another recipe or seed"):
        pretrain._claim(tmp_path, pretrain.Pretrain(), 1)


def test_the_seed_is_chosen_by_its_loss_on_generated_crops(tmp_path: Path) -> None:
    folders = [tmp_path / str(k) for k in range(3)]
    for folder, loss in zip(folders, (2.0, 1.5, 1.7), strict=True):
        folder.mkdir()
        (folder / "judged.json").write_text(json.dumps({"loss": loss}), encoding="utf-8")
    assert pretrain.chosen(folders) == folders[1]


class Cut(Exception):
    """The power fails."""


@pytest.mark.slow
def test_a_stopped_training_goes_on_and_learns(tmp_path: Path) -> None:
    recipe = pretrain.Pretrain(crops=8 * 8, batch_size=8, checkpoint_steps=2, judged_crops=64, bfloat16=False)

    def failing(n: int, size: int, seed: int, start: int) -> Iterator[surfaces.Crops]:
        for number, batch in enumerate(surfaces.batches(n, size, seed, start), start):
            if seed == 5 and number == 5:
                raise Cut
            yield batch

    through = pretrain.train(recipe, 5, surfaces.batches, len(TEXTURES), tmp_path / "through")
    with pytest.raises(Cut):
        pretrain.train(recipe, 5, failing, len(TEXTURES), tmp_path / "stopped")
    assert (tmp_path / "stopped" / "checkpoint.npz").is_file()
    resumed = pretrain.train(recipe, 5, surfaces.batches, len(TEXTURES), tmp_path / "stopped")
    with np.load(through) as one, np.load(resumed) as two:
        assert one.files == two.files
        for name in one.files:
            assert np.allclose(one[name], two[name], atol=5e-3), name
    losses = [float(line.split(",")[2]) for line in (tmp_path / "through" / "history.csv").read_text().splitlines()[1:]]
    assert losses[-1] < losses[0]
    assert not (tmp_path / "stopped" / "checkpoint.npz").exists()
