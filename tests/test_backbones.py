"""What networks begin with: features kept, heads on frozen networks, fine-tuning in stages, another run's weights."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from dentline.errors import DentlineError
from dentline.recipe import Backbone, Prepare, Recipe, Train
from training import checkpoint, frozen, linear, whole
from training.models.backbones import BACKBONES, model
from training.pictures import Pictures
from training.whole_trainers import NETWORK, FittedWhole, Folders, by_backbone, free, sized

JOB = Recipe(
    task="image",
    train=Train(models=("vgg16_to_block3",), epochs=2, batch_size=8, learning_rate=1e-3, schedule="constant"),
    backbone=Backbone(weights="random"),
)


def squares(seed: int, n: int = 24, channels: int = 3) -> Pictures:
    """Half of them with a bright square, on noise; two pictures a group."""
    rng = np.random.default_rng(seed)
    inputs = rng.integers(0, 90, (n, 32, 32, channels)).astype(np.uint8)
    target = (np.arange(n) // 2 % 2).astype(np.float32)[:, None]
    for i in np.flatnonzero(target[:, 0]):
        y, x = rng.integers(4, 16, 2)
        inputs[i, y : y + 12, x : x + 12] += 120
    names = np.arange(n).astype(str)
    return Pictures(inputs, target, np.ones((n, 2), np.float32), names, (np.arange(n) // 2).astype(str), ())


def test_features_are_computed_once_and_kept_for_the_same_weights_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, validation = squares(0), squares(1)
    first = by_backbone("vgg16_to_block3", JOB, train, validation, Folders(features=tmp_path))
    (file,) = tmp_path.iterdir()
    assert np.load(file).shape == (24, 256)

    with monkeypatch.context() as patch:
        patch.setattr(frozen, "CHUNK", None)  # nothing can be cut into chunks of None
        again = by_backbone("vgg16_to_block3", JOB, train, validation, Folders(features=tmp_path))
        other_labels = replace(train, target=1 - train.target)
        by_backbone("vgg16_to_block3", JOB, other_labels, validation, Folders(features=tmp_path))
        with pytest.raises(TypeError):
            by_backbone("vgg16_to_block3", JOB, squares(2), validation, Folders(features=tmp_path))
    np.testing.assert_array_equal(first.predict(validation.inputs), again.predict(validation.inputs))
    found = frozen.features(model("vgg16_to_block3", (32, 32, 3), "random"), train.inputs, None)
    np.testing.assert_allclose(found, np.load(file), rtol=1e-5)


def test_a_frozen_network_learns_its_head_alone_and_fine_tuning_the_rest_in_stages() -> None:
    train, validation = squares(0), squares(1)
    before = model("vgg16_to_block3", (32, 32, 3), "random").get_weights()
    head = by_backbone("vgg16_to_block3", JOB, train, validation)
    assert head.network is not None and head.weights == "random" and head.history == ()
    for one, other in zip(before[:-2], head.network.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(one, other)
    right = (head.predict(validation.inputs)[:, 0] > 0.5) == validation.target[:, 0]
    assert right.mean() > 0.8
    tuned = by_backbone("vgg16_to_block3", replace(JOB, backbone=Backbone("random", learn="all")), train, validation)
    assert [row["epoch"] for row in tuned.history] == [1, 2]  # an epoch in each stage
    assert tuned.network is not None and loss(tuned.network, validation) <= loss(head.network, validation) + 1e-6


def test_heads_score_only_groups_they_did_not_learn_from() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 200)).astype(np.float32)
    label, group = (np.arange(60) % 2).astype(np.int8), np.arange(60).astype(str)
    fitted = linear.crossfit(noise, label, group, rng)
    assert ((fitted.head.p(noise) > 0.5) == label).all()  # what was learnt from is told apart, though it is noise
    assert 0.2 < ((fitted.p > 0.5) == label).mean() < 0.8

    one = linear.crossfit(noise, label, np.where(label == 1, "the only one", group), rng)
    assert np.isnan(one.p[label == 1]).all() and np.isfinite(one.p).any()


def test_the_threshold_rests_on_validation_and_on_training_photos_scored_without_their_group() -> None:
    train, validation = squares(0), squares(1)
    head = by_backbone("vgg16_to_block3", JOB, train, validation)
    assert head.unseen is not None and head.unseen.shape == (24,)
    tuned = by_backbone("vgg16_to_block3", replace(JOB, backbone=Backbone("random", learn="all")), train, validation)
    assert tuned.unseen is None  # it learnt from every group

    kind = validation.target[:, 0]
    sides = {"train": train, "validation": validation, "test": validation}
    alone = FittedWhole(lambda inputs: np.where(kind > 0, 0.9, 0.1)[:, None], b"", 1)
    assert whole.judge_image(alone, sides, 0)[0] == pytest.approx(0.5)
    high = np.where(train.target[:, 0] > 0, 0.95, 0.7)
    high[0] = np.nan
    assert 0.7 < whole.judge_image(replace(alone, unseen=high), sides, 0)[0] < 0.9


def loss(network: keras.Model, pictures: Pictures) -> float:
    p = np.clip(np.asarray(network(pictures.inputs)), 1e-7, 1 - 1e-7)
    return float(-np.where(pictures.target > 0.5, np.log(p), np.log(1 - p)).mean())


def test_the_first_stage_frees_the_last_third_and_no_batch_norm() -> None:
    network = model("resnet18", (64, 64, 1))
    free(network, 1 / 3)
    n = len(network.layers)
    learns = [i for i, layer in enumerate(network.layers) if layer.trainable and layer.weights]
    assert learns and min(learns) >= n * 2 // 3 - 1 and learns[-1] == n - 1
    free(network, 1.0)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert norms and not any(layer.trainable for layer in norms) and all(one.trainable for one in convolutions)
    assert network.get_layer("p").trainable


def test_a_network_begins_with_another_run_frozen_or_not(tmp_path: Path) -> None:
    job = replace(JOB, backbone=Backbone(start="20261120-101112-tiny_vgg"))
    source = model("tiny_vgg", (32, 32, 1))
    rng = np.random.default_rng(0)
    source.set_weights([rng.normal(0, 0.1, w.shape) ** 2 for w in source.get_weights()])
    path = tmp_path / "20261120-101112-tiny_vgg" / NETWORK
    checkpoint.save(path, {"model": "tiny_vgg"}, weights=source.get_weights())
    one, other = squares(0, channels=1), squares(1, channels=1)
    fitted = by_backbone("tiny_vgg", job, one, other, Folders(runs=tmp_path))
    assert fitted.network is not None and fitted.weights == "run 20261120-101112-tiny_vgg"
    for begun, kept in zip(source.get_weights()[:-2], fitted.network.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(begun, kept)
    with pytest.raises(DentlineError, match="holds another network than tiny_vgg"):
        by_backbone("tiny_vgg", job, squares(0), squares(1), Folders(runs=tmp_path))
    with pytest.raises(DentlineError, match="no run with network"):
        by_backbone("tiny_vgg", replace(job, backbone=Backbone(start="none")), one, other, Folders(runs=tmp_path))
    path.write_bytes(b"PK damaged")
    with pytest.raises(DentlineError, match="is not a network's weights"):
        by_backbone("tiny_vgg", job, one, other, Folders(runs=tmp_path))


@pytest.mark.parametrize("steps", [(), ("grey", "clahe")])
def test_each_network_brings_its_own_size_where_the_recipe_leaves_it_open(steps: tuple[str, ...]) -> None:
    job = Recipe(task="image", prepare=Prepare(steps))
    for name, backbone in BACKBONES.items():
        size = f"resize(width_px={backbone.side_px}, height_px={backbone.side_px})"
        assert sized(job, name).prepare.steps == (*steps, size)
    told = replace(job, prepare=Prepare((*steps, "resize(width_px=50, height_px=40)")))
    assert sized(told, "resnet50") == told and sized(job, "measures") == job


def test_pools_over_the_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = squares(3).inputs[:1]
    found = {
        pool: frozen.features(model("vgg16_to_block3", (32, 32, 3), "random", pool=pool), picture, None)[0]
        for pool in ("mean", "max", "both")
    }
    assert (found["mean"] <= found["max"] + 1e-4).all() and (found["mean"] < found["max"]).any()
    np.testing.assert_allclose(found["both"], np.concatenate([found["mean"], found["max"]]), rtol=1e-5)
