"""Train a network on whole photos: batches, loss, schedule, balance, callbacks, as the recipe names them."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from augmentation.whole import vary
from dentline.recipe import Augment, Recipe
from training.pictures import Pictures
from training.schedules import SCHEDULES


class Batches(keras.utils.PyDataset):
    """Shuffled batches of varied pictures, their targets and weights; each epoch drawn anew.

    Args:
        balance: ``weights`` gives both verdicts the same weight in sum; ``variants`` draws both
            equally often; ``none`` leaves them.
    """

    def __init__(self, pictures: Pictures, size: int, augment: Augment, balance: str, rng: np.random.Generator) -> None:
        super().__init__()
        self._pictures, self._size, self._augment, self._rng = pictures, size, augment, rng
        self._weight, self._share = np.ones(len(pictures), np.float32), None
        verdict = pictures.target[:, 0] > 0.5
        if pictures.target.shape[1] == 1 and balance != "none":
            each = np.where(verdict, 0.5 / verdict.mean(), 0.5 / (~verdict).mean())
            if balance == "weights":
                self._weight = each.astype(np.float32)
            else:
                self._share = each / each.sum()
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self._pictures) // self._size)

    def on_epoch_end(self) -> None:
        n = len(self._pictures)
        self._order = self._rng.permutation(n) if self._share is None else self._rng.choice(n, n, p=self._share)

    def __getitem__(self, number: int) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]:
        rows = self._order[number * self._size : (number + 1) * self._size]
        target = self._pictures.target[rows].copy()
        inputs = self._pictures.inputs[rows].copy()
        for i in range(len(rows)):
            corners = target[i] if target.shape[1] == 8 else None
            inputs[i], moved = vary(inputs[i], corners, self._augment, self._rng)
            target[i] = target[i] if moved is None else moved
        return inputs, target, self._weight[rows]


def fit(
    model: keras.Model,
    train: Pictures,
    validation: Pictures,
    recipe: Recipe,
    logs: Path | None = None,
    rate: float | None = None,
    epochs: int | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place and leave the weights of its best epoch in it; return one row an epoch.

    Args:
        logs: where TensorBoard's files go. rate, epochs: instead of the recipe's.
    """
    how = recipe.train
    keras.utils.set_random_seed(how.seed)
    peak, n_epochs = rate or how.learning_rate, epochs or how.epochs
    batches = Batches(train, how.batch_size, recipe.augment, how.class_balance, np.random.default_rng(how.seed))
    schedule = SCHEDULES.get(how.schedule, SCHEDULES["constant"])(peak, how.lowest_rate, n_epochs * len(batches))
    corners = train.target.shape[1] == 8
    loss: Any = "mae" if corners else _LOSSES[how.loss](how.focal_gamma)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=how.weight_decay, beta_1=0.9)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    with tempfile.TemporaryDirectory() as folder:
        best = str(Path(folder) / "best.weights.h5")
        callbacks = [
            keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True, save_weights_only=True),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=how.patience),
            keras.callbacks.LambdaCallback(on_epoch_end=_told),
        ]
        if how.schedule == "plateau":
            callbacks.append(
                keras.callbacks.ReduceLROnPlateau(
                    factor=0.5, patience=max(1, how.patience // 3), min_lr=how.lowest_rate
                )
            )
        if logs is not None:
            callbacks.append(keras.callbacks.TensorBoard(str(logs)))
        told = model.fit(
            batches,
            validation_data=(validation.inputs, validation.target),
            epochs=n_epochs,
            callbacks=callbacks,
            verbose=0,
        )
        model.load_weights(best)
    names: Sequence[str] = list(told.history)
    return [{"epoch": i + 1, **{name: float(told.history[name][i]) for name in names}} for i in range(len(told.epoch))]


def _told(epoch: int, logs: dict[str, float]) -> None:
    print(
        f"\r  epoch {epoch + 1}: loss {logs['loss']:.4f}, validation {logs['val_loss']:.4f} ", end="", file=sys.stderr
    )


_LOSSES = {
    "cross_entropy": lambda gamma: keras.losses.BinaryCrossentropy(),
    "focal": lambda gamma: keras.losses.BinaryFocalCrossentropy(gamma=gamma),
}
