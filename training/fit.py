"""Training a network by gradient descent: batches, early stopping, checkpoints."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from augmentation.random import AUGMENTERS
from dentline.progress import Progress, silent
from dentline.recipe import Recipe
from training import checkpoint, metrics, schedules
from training.data import Examples, Pixels, batches
from training.nodes import join, step
from training.run import HistoryRow

CHUNK = 64

LOGS = "logs"
"""TensorBoard's folder, beside the checkpoint and at last in the run."""


@dataclass(frozen=True)
class Fitted:
    """A trained patch model and how it came about.

    Attributes:
        model: uint8 RGB (N, H, W, 3) -> p (N, h, w).
        weights, weights_sha256: pretrained weights it rests on.
    """

    model: keras.Model
    history: tuple[HistoryRow, ...]
    weights: str = "none"
    weights_sha256: str = ""


def predict(model: keras.Model, fields: Pixels) -> NDArray[np.float64]:
    """Return (n,) probabilities of (n, 112, 112, 3) fields."""
    parts = [np.asarray(model(fields[i : i + CHUNK])).reshape(-1) for i in range(0, len(fields), CHUNK)]
    return np.concatenate(parts).astype(np.float64)


def fit(
    model: keras.Model,
    train: Examples,
    validation: Examples,
    recipe: Recipe,
    state: Path | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Train until the validation loss has not fallen for `patience` epochs; keep the best weights.

    Each epoch's batches are drawn from the recipe's seed and the epoch's number alone, so a training
    that goes on from its checkpoint sees what an unbroken one would have. Several machines take the same
    batches and share the rows of each.

    Args:
        model: not yet trained, made in the scope of :func:`training.nodes.join`; its own weights are the start.
        state: checkpoint file, written after each epoch and gone on from when it is there; rank 0's alone.
    """
    nodes = join()
    plan = recipe.train
    augment = AUGMENTERS[recipe.augment.variants]
    share = max(float(np.mean(train.label)), 1 / plan.batch_size) if plan.class_balance == "none" else 0.5
    n_steps = max(1, round(max(len(train), plan.epoch_patches) / plan.batch_size))
    with nodes.strategy.scope():
        optimizer = schedules.optimizer(plan, plan.epochs * n_steps)
        optimizer.build(model.trainable_variables)
    learn = step(nodes, model, optimizer, schedules.verdict_loss(plan))
    judged = nodes.mine(validation.fields())

    history: list[HistoryRow] = []
    best, waited = np.inf, 0
    kept = [v.numpy().copy() for v in model.variables]
    saved = checkpoint.loads(nodes.told(lambda: checkpoint.read(state))) if state else None
    if saved:
        plain, arrays = saved
        history, best, waited = plain["history"], plain["best"], plain["waited"]
        kept = arrays["kept"]
        for variable, value in zip([*model.variables, *optimizer.variables], arrays["now"], strict=True):
            variable.assign(value)

    for epoch in range(len(history) + 1, plan.epochs + 1):
        if waited >= plan.patience:
            break
        rng = np.random.default_rng([plan.seed, recipe.augment.seed, epoch])
        source = batches(train, plan.batch_size, share, augment, recipe.augment.edges, rng)
        losses = []
        for _ in range(n_steps):
            fields, label = next(source)
            losses.append(learn(fields, label))
        p = nodes.gathered(predict(model, judged), len(validation))
        row = {
            "epoch": epoch,
            "loss": float(np.mean(losses)),
            "val_loss": _balanced_loss(validation.label, p),
            "val_average_precision": float(metrics.average_precision(validation.label.astype(bool), p)[0]),
        }
        history.append(row)
        if row["val_loss"] < best:
            best, waited, kept = row["val_loss"], 0, [v.numpy().copy() for v in model.variables]
        else:
            waited += 1
            if plan.schedule == "plateau" and waited % schedules.plateau_epochs(plan) == 0:
                lower = float(optimizer.learning_rate) * schedules.PLATEAU_FACTOR
                optimizer.learning_rate = max(lower, min(plan.lowest_rate, plan.learning_rate))
        if state and nodes.rank == 0:
            if plan.tensorboard:
                _note(state.parent / LOGS, row)
            now = [v.numpy().copy() for v in [*model.variables, *optimizer.variables]]
            checkpoint.save(state, {"history": history, "best": best, "waited": waited}, kept=kept, now=now)
        progress(f"{model.name}, epochs", epoch, plan.epochs)

    for variable, value in zip(model.variables, kept, strict=True):
        variable.assign(value)
    return Fitted(model, tuple(history))


def _balanced_loss(label: NDArray[np.int8], p: NDArray[np.float64]) -> float:
    """Return the cross-entropy with dents and the rest weighing the same."""
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    return float(-np.log(clipped[label == 1]).mean() / 2 - np.log(1 - clipped[label == 0]).mean() / 2)


def _note(folder: Path, row: HistoryRow) -> None:
    """Write one epoch for TensorBoard."""
    import tensorflow as tf

    with tf.summary.create_file_writer(str(folder)).as_default():
        for name, value in row.items():
            if name != "epoch":
                tf.summary.scalar(name, value, step=int(row["epoch"]))
