"""Learn VGG16's first three blocks on generated surfaces: one seed, resumable, judged on surfaces alone.

The crops come from outside (``stream``), with everything that was drawn about them; this room knows
only their shapes. A checkpoint holds weights, optimiser and step, and batch k is the same however
often the training was stopped, so a stop loses at most the steps since the last one.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from dentline.errors import DentlineError
from dentline.files import replacing, write_text
from dentline.options import option
from training.models import surface


@dataclass(frozen=True)
class Pretrain:
    """How the weights are learnt: recipes/pretrain.toml."""

    crops: int = option(65_536, "crops of 64 px a seed learns from, each seen once", 32)
    batch_size: int = option(16, "crops a step", 2, 4096)
    learning_rate: float = option(1e-3, "peak rate of Adam; warms up, then falls as a cosine", 1e-8, 1)
    average: float = option(0.99, "momentum of the running average of the weights that is kept", 0, 0.99999)
    side_tasks: float = option(0.3, "weight of texture, light, scale, blur and noise in the loss", 0, 100)
    area: float = option(2.0, "weight of how much of each cell, and of the whole crop, is defect", 0, 100)
    bfloat16: bool = option(True, "16-bit convolutions while training; the weights stay 32-bit")
    checkpoint_steps: int = option(32, "steps between checkpoints", 1, 1_000_000)
    judged_crops: int = option(2_048, "crops the seed is judged on, of seeds no training sees", 32)


class Crops(Protocol):
    """Crops and what is known of them, as `samples.surfaces.Crops`."""

    @property
    def images(self) -> NDArray[np.uint8]: ...
    @property
    def cells(self) -> NDArray[np.bool_]: ...
    @property
    def texture(self) -> NDArray[np.int32]: ...
    @property
    def nuisances(self) -> NDArray[np.float32]: ...


Stream = Callable[[int, int, int, int], Iterator[Crops]]
"""(n batches, batch size, seed, start) -> batches start..n-1, the same for the same arguments."""

_JUDGED_SEED = 1_000_000
_SETTLING = 48


def train(recipe: Pretrain, seed: int, stream: Stream, n_textures: int, folder: Path, until: int | None = None) -> Path:
    """Train one seed, or go on where it stopped; return the folder's ``weights.npz``.

    With `until`, learning ends after that many steps, before the rate has fallen all the way: what is
    kept is the running average of the weights, and ``judged.json`` tells the steps.

    Beside it stand ``history.csv`` (step, seconds, each loss) and ``judged.json`` (on generated crops
    alone: the loss, and AUC and average precision of "has a defect" from either pooling). A finished
    seed is not trained again.

    Raises:
        DentlineError: the folder holds a seed of another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, recipe, seed)
    target = folder / "weights.npz"
    if target.is_file():
        return target
    keras.utils.set_random_seed(seed)
    n_steps = recipe.crops // recipe.batch_size
    first = next(stream(1, recipe.batch_size, seed, 0))
    shape = first.images.shape[1], first.cells.shape[-1], n_textures, first.nuisances.shape[-1]
    network = surface.build(*shape, bfloat16=recipe.bfloat16)
    optimizer = keras.optimizers.Adam(_schedule(recipe, n_steps), use_ema=True, ema_momentum=recipe.average)
    optimizer.build(network.trainable_variables)
    done = _resume(folder, network, optimizer)
    step = _step(network, optimizer, recipe)
    losses, began = [], time.monotonic()
    last = min(until or n_steps, n_steps)
    for number, batch in enumerate(stream(last, recipe.batch_size, seed, done), done + 1):
        losses.append([float(v) for v in step(*_tensors(batch))])
        if number % recipe.checkpoint_steps == 0 or number == last:
            _checkpoint(folder, network, optimizer, number)
            pace = (number - done) * recipe.batch_size / (time.monotonic() - began)
            _log(folder, number, pace, np.mean(losses, axis=0))
            losses = []
    optimizer.finalize_variable_values(network.trainable_variables)
    _settle(network, stream, recipe, seed)
    judged = {"steps": max(last, done), **judge(network, stream, recipe)}
    write_text(folder / "judged.json", json.dumps(judged, indent=1) + "\n")
    _save(target, surface.folded(network))
    (folder / "checkpoint.npz").unlink(missing_ok=True)
    return target


def judge(network: keras.Model, stream: Stream, recipe: Pretrain) -> dict[str, float]:
    """Return how well the network finds defects on crops of seeds that no training sees."""
    n = recipe.judged_crops // recipe.batch_size
    truth, found, losses = [], [], []
    for batch in stream(n, recipe.batch_size, _JUDGED_SEED, 0):
        images, *targets = _tensors(batch)
        logits = network(images, training=False)
        losses.append([float(v) for v in _losses(logits, targets, recipe)])
        truth.append(batch.cells.any(axis=(1, 2, 3)))
        cells = [tf.reduce_max(logits[head][..., -1], axis=(1, 2)) for head in surface.HEADS]
        found.append([logits["mean"][:, -1], logits["max"][:, -1], *cells])
    present = np.concatenate(truth)
    judged = {"n_crops": len(present), "n_with_defect": int(present.sum()), "loss": float(np.mean(losses, 0)[0])}
    for name, column in zip(("mean", "max", *surface.HEADS), zip(*found, strict=True), strict=True):
        scores = np.concatenate([np.asarray(part) for part in column])
        judged[f"{name}_auc"] = float(roc_auc_score(present, scores))
        judged[f"{name}_average_precision"] = float(average_precision_score(present, scores))
    return judged


def chosen(folders: list[Path]) -> Path:
    """Return the seed's folder with the least loss on generated crops: no photo has a say."""
    return min(folders, key=lambda folder: json.loads((folder / "judged.json").read_text("utf-8"))["loss"])


def _schedule(recipe: Pretrain, n_steps: int) -> Any:
    warm = max(n_steps // 30, 1)
    return keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 30, n_steps - warm, warmup_target=recipe.learning_rate, warmup_steps=warm
    )


def _tensors(batch: Crops) -> tuple[Any, ...]:
    """Return image, 4 px cells, 8 px cells and presence, each with "any" as last channel, texture, nuisances."""
    cells = np.concatenate([batch.cells, batch.cells.any(axis=-1, keepdims=True)], axis=-1)
    n, side, _, kinds = cells.shape
    coarse = cells.reshape(n, side // 2, 2, side // 2, 2, kinds).any(axis=(2, 4))
    present = cells.any(axis=(1, 2))
    targets = [np.asarray(t, np.float32) for t in (batch.images, cells, coarse, present)]
    return tuple(tf.constant(t) for t in (*targets, batch.texture, batch.nuisances))


def _losses(logits: dict[str, Any], targets: list[Any], recipe: Pretrain) -> tuple[Any, ...]:
    cells, coarse, present, texture, nuisances = targets

    def entropy(name: str, truth: Any) -> Any:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(truth, logits[name]))

    def coverage(name: str, truth: Any) -> Any:
        wrong = logits[name] - truth
        each = tf.reduce_mean(tf.square(wrong) * (1 + 4 * truth), axis=(0, 1, 2))
        whole = tf.reduce_mean(tf.square(tf.reduce_mean(wrong, axis=(1, 2))), axis=0)
        return tf.reduce_sum(each + 10 * whole)

    where = entropy("cells2", cells) + entropy("cells3", coarse)
    area = coverage("area2", cells) + coverage("area3", coarse)
    which = entropy("mean", present) + entropy("max", present)
    kind = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(texture, logits["texture"]))
    rest = tf.reduce_mean(tf.square(nuisances - logits["nuisances"]))
    total = 8 * where + recipe.area * area + which + recipe.side_tasks * (kind + 2 * rest)
    return total, where, area, which, kind, rest


def _step(network: keras.Model, optimizer: Any, recipe: Pretrain) -> Callable[..., Any]:
    @tf.function  # type: ignore[untyped-decorator]
    def step(images: Any, *targets: Any) -> Any:
        with tf.GradientTape() as tape:
            losses = _losses(network(images, training=True), list(targets), recipe)
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(losses[0], variables), variables)
        return losses

    return step  # type: ignore[no-any-return]


def _settle(network: keras.Model, stream: Stream, recipe: Pretrain, seed: int) -> None:
    """Measure the normalisations' means and variances anew: they belong to the averaged weights."""
    for norm in surface.normalisations(network):
        norm.momentum = 0.9
    for batch in stream(_SETTLING, recipe.batch_size, seed + _JUDGED_SEED, 0):
        network(_tensors(batch)[0], training=True)


def _claim(folder: Path, recipe: Pretrain, seed: int) -> None:
    said = json.dumps({"seed": seed, **asdict(recipe)}, indent=1) + "\n"
    record = folder / "recipe.json"
    if record.is_file() and record.read_text("utf-8") != said:
        raise DentlineError(str(folder), "holds a pretraining of another recipe or seed", "name another folder")
    write_text(record, said)


def _state(network: keras.Model, optimizer: Any) -> list[Any]:
    return [*network.variables, *optimizer.variables]


def _checkpoint(folder: Path, network: keras.Model, optimizer: Any, step: int) -> None:
    arrays: dict[str, Any] = {f"v{i}": np.asarray(v) for i, v in enumerate(_state(network, optimizer))}
    with replacing(folder / "checkpoint.npz") as temporary, temporary.open("wb") as handle:
        np.savez(handle, step=step, **arrays)


def _resume(folder: Path, network: keras.Model, optimizer: Any) -> int:
    path = folder / "checkpoint.npz"
    if not path.is_file():
        return 0
    with np.load(path, allow_pickle=False) as held:
        for i, variable in enumerate(_state(network, optimizer)):
            variable.assign(held[f"v{i}"])
        return int(held["step"])


def _save(path: Path, arrays: dict[str, NDArray[np.float32]]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as handle:
        halves: dict[str, Any] = {name: array.astype(np.float16) for name, array in arrays.items()}
        np.savez(handle, **halves)


def _log(folder: Path, step: int, pace: float, losses: NDArray[np.float64]) -> None:
    history = folder / "history.csv"
    new = not history.is_file()
    with history.open("a", encoding="utf-8") as handle:
        if new:
            handle.write("step,crops_per_s,loss,cells,area,presence,texture,nuisances\n")
        handle.write(f"{step},{pace:.1f}," + ",".join(f"{v:.5f}" for v in losses) + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    print(f"step {step}: loss {losses[0]:.4f}, {pace:.0f} crops/s", file=sys.stderr, flush=True)
