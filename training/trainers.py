"""Every patch model by its name in the recipe, and how it is trained."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np
from numpy.typing import NDArray

from augmentation.random import random_dihedral
from dentline.geometry import FIELD_PX
from dentline.progress import Progress
from dentline.recipe import Recipe
from training import linear
from training.data import Examples
from training.fit import CHUNK, Fitted, fit
from training.models import scratch as scratch_model
from training.models import vgg16 as vgg16_model
from training.models import weights as weight_files
from training.nodes import join

Trainer = Callable[[Recipe, Examples, Examples, Path, Progress], Fitted]

COPIES = 4
"""Variants of each training dent the linear head sees beside the dent itself."""


def scratch(recipe: Recipe, train: Examples, validation: Examples, folder: Path, progress: Progress) -> Fitted:
    """Train the small network from nothing."""
    keras.utils.set_random_seed(recipe.train.seed)
    with join().strategy.scope():
        model = scratch_model.build(dropout=recipe.train.dropout)
    return fit(model, train, validation, recipe, folder / "checkpoint.npz", progress)


def vgg16(recipe: Recipe, train: Examples, validation: Examples, folder: Path, progress: Progress) -> Fitted:
    """Compute the frozen features once, then fit the linear classifier on them; validation stays unseen.

    Raises:
        WeightsUnavailable: the weights the recipe asks for cannot be had here.
    """
    weights = weight_files.resolve(recipe.vgg16.weights)
    network = vgg16_model.features(weights.arrays, recipe.vgg16.layers, recipe.vgg16.pools)
    rng = np.random.default_rng([recipe.train.seed, recipe.augment.seed])
    dents = np.flatnonzero(train.label == 1)
    copies = [random_dihedral(train.contexts[dents], rng, FIELD_PX) for _ in range(COPIES)]
    seen = np.concatenate([train.fields(), *copies])
    source = np.concatenate([np.arange(len(train)), *[dents] * COPIES])
    found = features(network, seen, progress)
    head = linear.crossfit(found, train.label, train.group, rng, source).head
    return Fitted(vgg16_model.with_head(network, head.kernel, head.bias), (), weights.name, weights.sha256)


def features(network: keras.Model, fields: NDArray[np.uint8], progress: Progress) -> NDArray[np.float32]:
    """Return (n, f), the frozen network's answer to (n, 112, 112, 3) fields."""
    parts, n_chunks = [], -(-len(fields) // CHUNK)
    for i in range(n_chunks):
        parts.append(np.asarray(network(fields[i * CHUNK : (i + 1) * CHUNK])).reshape(-1, network.output_shape[-1]))
        progress("vgg16, features", i + 1, n_chunks)
    return np.concatenate(parts)


MODELS: MappingProxyType[str, Trainer] = MappingProxyType({"scratch": scratch, "vgg16": vgg16})
"""The names that ``[train] models`` may hold."""
