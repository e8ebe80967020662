"""Every model of whole photos by its name in the recipe, how it is trained, and what it becomes when served."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dentline import prepare
from dentline.errors import DentlineError
from dentline.recipe import Recipe
from training import checkpoint, export, frozen, measured
from training.models import corners, nails
from training.models import weights as weight_files
from training.models.backbones import BACKBONES
from training.models.backbones import model as backbone
from training.picture_fit import fit
from training.pictures import Pictures
from training.run import HistoryRow

NETWORK = "network.npz"
"""A run's network as it was trained, for another training to begin with."""

Predict = Callable[[NDArray[Any]], NDArray[np.float64]]
"""Prepared inputs (n, ...) -> (n, 1) probabilities or (n, 8) corners."""


@dataclass(frozen=True)
class FittedWhole:
    """A trained model of whole photos.

    Attributes:
        onnx: the file that is served. network: the Keras model, where there is one.
        unseen: (n,) each training photo's p by the same model fitted without its group, where that is cheap: the
            threshold is then chosen on these too. NaN where there is none.
    """

    predict: Predict
    onnx: bytes
    n_parameters: int
    history: tuple[HistoryRow, ...] = ()
    weights: str = "none"
    network: keras.Model | None = None
    unseen: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Folders:
    """Where a training keeps what it makes beside the model, and finds what others made.

    Attributes:
        logs: TensorBoard's files, if the recipe asks for them. features: of frozen networks, kept for the next
            training. runs: the project's, which ``[backbone] start`` may name one of.
    """

    logs: Path | None = None
    features: Path | None = None
    runs: Path | None = None


Trainer = Callable[[str, Recipe, Pictures, Pictures, Folders], FittedWhole]


def by_measures(
    name: str, recipe: Recipe, train: Pictures, validation: Pictures, folders: Folders = Folders()
) -> FittedWhole:
    """Fit the linear classifier on the measures that the preparation ends in."""
    found = measured.fit(train.inputs, train.target[:, 0], train.group)

    def predict(inputs: NDArray[Any]) -> NDArray[np.float64]:
        return found.p(inputs)[:, None]

    return FittedWhole(predict, measured.onnx_bytes(found), len(found.kernel) + 1)


def by_nails_network(
    name: str, recipe: Recipe, train: Pictures, validation: Pictures, folders: Folders = Folders()
) -> FittedWhole:
    """Train the nail article's network from nothing."""
    keras.utils.set_random_seed(recipe.train.seed)
    model = nails.build(*_picture(train), recipe.train.dropout)
    return _network(model, fit(model, train, validation, recipe, _logs(recipe, folders)))


def by_corners(
    name: str, recipe: Recipe, train: Pictures, validation: Pictures, folders: Folders = Folders()
) -> FittedWhole:
    """Train a network that finds corners from nothing."""
    keras.utils.set_random_seed(recipe.train.seed)
    model = corners.build(name, _picture(train))
    history = fit(model, train, validation, recipe, _logs(recipe, folders))
    height, width, _ = _picture(train)
    turns = recipe.augment.quarter_turns and height == width
    return _network(corners.by_quarters(model) if turns else model, history, "corners")


def by_backbone(
    name: str, recipe: Recipe, train: Pictures, validation: Pictures, folders: Folders = Folders()
) -> FittedWhole:
    """Train a network of the table: whole where it begins with nothing; else its head, then if asked the rest.

    The head is fitted on features computed once. Fine-tuning then frees the network in two stages, its
    last third and then all of it, at a tenth and a hundredth of the rate; a stage after which no epoch was
    better on validation than before it leaves the network as it was.

    Raises:
        WeightsUnavailable: the weights cannot be had.
    """
    keras.utils.set_random_seed(recipe.train.seed)
    weights = _begins_with(name, recipe)
    model = backbone(name, _picture(train), weights, recipe.train.dropout, recipe.backbone.pool)
    if recipe.backbone.start:
        weights = start_from(model, recipe.backbone.start, folders.runs)
    if weights == "none":
        return _network(model, fit(model, train, validation, recipe, _logs(recipe, folders)))
    unseen = frozen.fit_head(model, train, np.random.default_rng(recipe.train.seed), folders.features)
    history: list[dict[str, float]] = []
    for share, slower in _STAGES if recipe.backbone.learn == "all" else ():
        free(model, share)
        plan = replace(
            recipe.train, learning_rate=recipe.train.learning_rate / slower, epochs=-(-recipe.train.epochs // 2)
        )
        stage = fit(model, train, validation, replace(recipe, train=plan), _logs(recipe, folders), better_only=True)
        history += [{**row, "epoch": len(history) + 1 + i} for i, row in enumerate(stage)]
    tuned = recipe.backbone.learn == "all"
    return replace(_network(model, history), weights=_named(name, weights), unseen=None if tuned else unseen)


_STAGES = ((1 / 3, 10), (1.0, 100))
"""Of fine-tuning: the share of the layers that learns, and what the rate is divided by."""


def _begins_with(name: str, recipe: Recipe) -> str:
    """Return which weights the network is built with: none, imagenet, random, or what [vgg16] weights names."""
    kind = BACKBONES[name].weights
    if kind == "none" or recipe.backbone.weights == "random":
        return "none" if kind == "none" else "random"
    return recipe.vgg16.weights if kind == "vgg16" else recipe.backbone.weights


def _named(name: str, weights: str) -> str:
    """Return the weights' name as a record shows it."""
    return weight_files.resolve(weights).name if BACKBONES[name].weights == "vgg16" and weights == "auto" else weights


def start_from(model: keras.Model, start: str, runs: Path | None) -> str:
    """Put a former run's weights into a network of the same kind and picture channels; return what to call them.

    Raises:
        DentlineError: there is no such run or file, or it holds another network.
    """
    inside = runs / start / NETWORK if runs else None
    path = inside if inside and inside.is_file() else Path(start).expanduser()
    where = "recipe: [backbone] start"
    if not path.is_file():
        raise DentlineError(where, f"is {start!r}, no run with {NETWORK} and no file", "see the folder runs/")
    try:
        held = checkpoint.loads(path.read_bytes())
        assert held is not None
        _, arrays = held
        weights = arrays["weights"]
    except (OSError, ValueError, KeyError, AssertionError) as error:
        raise DentlineError(where, f"{path} is not a network's weights: {error}", f"name a {NETWORK}") from error
    own = [array.shape for array in model.get_weights()]
    if [array.shape for array in weights] != own:
        raise DentlineError(
            where, f"{path} holds another network than {model.name}", "start from a run of the same model and channels"
        )
    model.set_weights(weights)
    return f"run {start}" if path == inside else path.name


def free(model: keras.Model, share: float) -> None:
    """Let the last `share` of the layers learn; batch norms keep the statistics they began with."""
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


def _logs(recipe: Recipe, folders: Folders) -> Path | None:
    return folders.logs if recipe.train.tensorboard else None


def sized(recipe: Recipe, model: str) -> Recipe:
    """Return the recipe with the model's own input size as its last step, where its steps leave the size open."""
    if model not in BACKBONES or any(call.name in _SIZES for call in prepare.parse(recipe.prepare.steps)):
        return recipe
    side = BACKBONES[model].side_px
    steps = (*recipe.prepare.steps, f"resize(width_px={side}, height_px={side})")
    return replace(recipe, prepare=replace(recipe.prepare, steps=steps))


_SIZES = ("resize", "upright", "centre_line")
"""Steps after which every photo has one size."""

MODELS: Mapping[str, Mapping[str, Trainer]] = MappingProxyType(
    {
        "image": {"measures": by_measures, "nails": by_nails_network, **dict.fromkeys(BACKBONES, by_backbone)},
        "corners": dict.fromkeys(corners.SIZES, by_corners),
    }
)
"""For each task the names that ``[train] models`` may hold."""
