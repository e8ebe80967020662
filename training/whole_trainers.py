"""Every model of whole photos by its name in the recipe, how it is trained, and what it becomes when served."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.recipe import Recipe
from training import export, measured
from training.models import corners, nails
from training.models.backbones import BACKBONES
from training.models.backbones import model as backbone
from training.picture_fit import fit
from training.pictures import Pictures
from training.run import HistoryRow

Predict = Callable[[NDArray[Any]], NDArray[np.float64]]
"""Prepared inputs (n, ...) -> (n, 1) probabilities or (n, 8) corners."""


@dataclass(frozen=True)
class FittedWhole:
    """A trained model of whole photos.

    Attributes:
        onnx: the file that is served. network: the Keras model, where there is one.
    """

    predict: Predict
    onnx: bytes
    n_parameters: int
    history: tuple[HistoryRow, ...] = ()
    weights: str = "none"
    network: keras.Model | None = None


Trainer = Callable[[str, Recipe, Pictures, Pictures, Path], FittedWhole]


def by_measures(name: str, recipe: Recipe, train: Pictures, validation: Pictures, logs: Path) -> FittedWhole:
    """Fit the linear classifier on the measures that the preparation ends in."""
    found = measured.fit(train.inputs, train.target[:, 0], train.group)

    def predict(inputs: NDArray[Any]) -> NDArray[np.float64]:
        return found.p(inputs)[:, None]

    return FittedWhole(predict, measured.onnx_bytes(found), len(found.kernel) + 1)


def by_nails_network(name: str, recipe: Recipe, train: Pictures, validation: Pictures, logs: Path) -> FittedWhole:
    """Train the nail article's network from nothing."""
    keras.utils.set_random_seed(recipe.train.seed)
    model = nails.build(*_picture(train), recipe.train.dropout)
    return _network(model, fit(model, train, validation, recipe, _logs(recipe, logs)))


def by_corners(name: str, recipe: Recipe, train: Pictures, validation: Pictures, logs: Path) -> FittedWhole:
    """Train a network that finds corners from nothing."""
    keras.utils.set_random_seed(recipe.train.seed)
    model = corners.build(name, _picture(train))
    history = fit(model, train, validation, recipe, _logs(recipe, logs))
    height, width, _ = _picture(train)
    turns = recipe.augment.quarter_turns and height == width
    return _network(corners.by_quarters(model) if turns else model, history, "corners")


def by_backbone(name: str, recipe: Recipe, train: Pictures, validation: Pictures, logs: Path) -> FittedWhole:
    """Train a network of the table: from nothing where it has no ImageNet weights; else its head, then all.

    The head is fitted on features computed once. Fine-tuning then frees the network in two stages, its
    last third and then all of it, at a tenth and a hundredth of the rate.

    Raises:
        WeightsUnavailable: the ImageNet weights cannot be had.
    """
    keras.utils.set_random_seed(recipe.train.seed)
    weights = recipe.backbone.weights if BACKBONES[name].pretrained else "none"
    model = backbone(name, _picture(train), weights, recipe.train.dropout)
    folder = _logs(recipe, logs)
    if not BACKBONES[name].pretrained:
        return _network(model, fit(model, train, validation, recipe, folder))
    _fit_head(model, train)
    history: list[dict[str, float]] = []
    if recipe.backbone.learn == "all":
        for share, slower in ((1 / 3, 10), (1.0, 100)):
            _free(model, share)
            stage = fit(
                model,
                train,
                validation,
                recipe,
                folder,
                rate=recipe.train.learning_rate / slower,
                epochs=max(1, recipe.train.epochs // 2),
            )
            history += [{**row, "epoch": len(history) + 1 + i} for i, row in enumerate(stage)]
    return replace(_network(model, history), weights=weights)


def _fit_head(model: keras.Model, train: Pictures) -> None:
    """Fit a logistic regression on the features' mean, computed once, and put it into the last layer."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features = keras.Model(model.input, model.get_layer("features").output)
    found = np.concatenate([np.asarray(features(train.inputs[i : i + 16])) for i in range(0, len(train), 16)])
    scaler = StandardScaler().fit(found.astype(np.float64))
    head = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)
    head.fit(scaler.transform(found.astype(np.float64)), train.target[:, 0].astype(int))
    kernel = head.coef_[0] / scaler.scale_
    bias = float(head.intercept_[0] - scaler.mean_ @ kernel)
    model.get_layer("p").set_weights([kernel[:, None].astype(np.float32), np.array([bias], np.float32)])


def _free(model: keras.Model, share: float) -> None:
    """Let the last `share` of the layers learn; batch norms keep ImageNet's statistics."""
    first = round(len(model.layers) * (1 - share))
    for number, layer in enumerate(model.layers):
        layer.trainable = number >= first and not isinstance(layer, keras.layers.BatchNormalization)


def _network(model: keras.Model, history: list[dict[str, float]], answer: str = "p") -> FittedWhole:
    def predict(inputs: NDArray[Any]) -> NDArray[np.float64]:
        parts = [np.asarray(model(inputs[i : i + 16], training=False)) for i in range(0, len(inputs), 16)]
        return np.concatenate(parts).astype(np.float64)

    return FittedWhole(predict, export.onnx(model, answer), model.count_params(), tuple(history), network=model)


def _picture(pictures: Pictures) -> tuple[int, int, int]:
    if pictures.inputs.ndim != 4:
        raise DentlineError("recipe: [prepare] steps", "end in measures", "a network takes a picture: leave them out")
    height, width, channels = pictures.inputs.shape[1:]
    return height, width, channels


def _logs(recipe: Recipe, folder: Path) -> Path | None:
    return folder if recipe.train.tensorboard else None


MODELS: Mapping[str, Mapping[str, Trainer]] = MappingProxyType(
    {
        "image": {"measures": by_measures, "nails": by_nails_network, **dict.fromkeys(BACKBONES, by_backbone)},
        "corners": dict.fromkeys(corners.SIZES, by_corners),
    }
)
"""For each task the names that ``[train] models`` may hold."""
