"""Training a network by gradient descent: batches, early stopping, checkpoints."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from augmentation.random import AUGMENTERS
from dentline.progress import Progress, silent
from dentline.recipe import Recipe
from training import checkpoint, metrics
from training.data import Examples, Pixels, batches
from training.run import HistoryRow

CHUNK = 64


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
    that goes on from its checkpoint sees what an unbroken one would have.

    Args:
        model: not yet trained; its own weights are the start.
        state: checkpoint file, written after each epoch and gone on from when it is there.
    """
    plan = recipe.train
    augment = AUGMENTERS[recipe.augment.variants]
    share = max(float(np.mean(train.label)), 1 / plan.batch_size) if plan.class_balance == "none" else 0.5
    n_steps = max(1, round(len(train) / plan.batch_size))
    schedule = keras.optimizers.schedules.CosineDecay(plan.learning_rate, plan.epochs * n_steps, alpha=0.02)
    optimizer = keras.optimizers.Adam(schedule)
    model.compile(optimizer, loss="binary_crossentropy")
    optimizer.build(model.trainable_variables)
    judged = validation.fields()

    history: list[HistoryRow] = []
    best, waited = np.inf, 0
    kept = [v.numpy().copy() for v in model.variables]
    saved = checkpoint.load(state) if state else None
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
        source = batches(train, plan.batch_size, share, augment, rng)
        losses = []
        for _ in range(n_steps):
            fields, label = next(source)
            losses.append(float(model.train_on_batch(fields, label[:, None, None])))
        p = predict(model, judged)
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
        if state:
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
