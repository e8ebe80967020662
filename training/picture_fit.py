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
from training.schedules import PLATEAU_FACTOR, optimizer, plateau_epochs, verdict_loss


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
    better_only: bool = False,
) -> list[dict[str, float]]:
    """Train `model` in place and leave the weights of its best epoch in it; return one row an epoch.

    Args:
        logs: where TensorBoard's files go.
        better_only: the model as it comes counts as an epoch too: it is left as it was where none is better.
    """
    how = recipe.train
    keras.utils.set_random_seed(how.seed)
    batches = Batches(train, how.batch_size, recipe.augment, how.class_balance, np.random.default_rng(how.seed))
    loss: Any = "mae" if train.target.shape[1] == 8 else verdict_loss(how)
    model.compile(optimizer=optimizer(how, how.epochs * len(batches)), loss=loss, jit_compile=False)
    with tempfile.TemporaryDirectory() as folder:
        best = str(Path(folder) / "best.weights.h5")
        begun = model.get_weights()
        before = model.evaluate(validation.inputs, validation.target, verbose=0) if better_only else None
        callbacks = [
            keras.callbacks.ModelCheckpoint(
                best, monitor="val_loss", save_best_only=True, save_weights_only=True, initial_value_threshold=before
            ),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=how.patience),
            keras.callbacks.LambdaCallback(on_epoch_end=_told),
        ]
        if how.schedule == "plateau":
            callbacks.append(
                keras.callbacks.ReduceLROnPlateau(
                    factor=PLATEAU_FACTOR, patience=plateau_epochs(how), min_lr=min(how.lowest_rate, how.learning_rate)
                )
            )
        if logs is not None:
            callbacks.append(keras.callbacks.TensorBoard(str(logs)))
        told = model.fit(
            batches,
            validation_data=(validation.inputs, validation.target),
            epochs=how.epochs,
            callbacks=callbacks,
            verbose=0,
        )
        if Path(best).is_file():
            model.load_weights(best)
        else:
            model.set_weights(begun)
    names: Sequence[str] = list(told.history)
    return [{"epoch": i + 1, **{name: float(told.history[name][i]) for name in names}} for i in range(len(told.epoch))]


def _told(epoch: int, logs: dict[str, float]) -> None:
    print(
        f"\r  epoch {epoch + 1}: loss {logs['loss']:.4f}, validation {logs['val_loss']:.4f} ", end="", file=sys.stderr
    )
