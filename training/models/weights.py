"""Where VGG16's weights come from: a file, Keras' cache or download, our own, or chance as a control."""

import hashlib
import os
import socket
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from training.models.vgg16 import CONVOLUTIONS

VARIABLE = "DENTLINE_VGG16_WEIGHTS"
"""Names a weights file for ``auto``."""

SURFACE = Path(__file__).with_name("vgg16_surface.npz")
"""Weights of our own, learnt on generated surfaces; same keys and layout as a .npz a user names."""

_KERAS_NAME = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
_KERAS_HOST = "storage.googleapis.com"
_KERAS_URL = f"https://{_KERAS_HOST}/tensorflow/keras-applications/vgg16/{_KERAS_NAME}"
_KERAS_MD5 = "6d6bbae143d832006294945121d1f1fc"


class WeightsUnavailable(DentlineError):
    """The weights asked for cannot be had on this machine: the model is not run, the rest goes on."""


@dataclass(frozen=True)
class Weights:
    """VGG16 blocks 1 to 3.

    Attributes:
        name: what a record shows: imagenet, surface, random, or the file's name.
        source: where they were read from.
        sha256: of the arrays' bytes, in the order of the network.
        arrays: ``<convolution>_kernel`` and ``<convolution>_bias``, float32.
    """

    name: str
    source: str
    sha256: str
    arrays: Mapping[str, NDArray[np.float32]]


def resolve(choice: str) -> Weights:
    """Return the weights that `[vgg16] weights` asks for.

    Args:
        choice: ``imagenet`` (Keras' cache, else its download), ``surface`` (our own), ``random`` (a
            control), a .npz or .h5 file, or ``auto``: the file in DENTLINE_VGG16_WEIGHTS if set, else
            imagenet, else surface.

    Raises:
        WeightsUnavailable: they are not on this machine and cannot be downloaded.
        DentlineError: a named file is missing, damaged or holds something else.
    """
    if choice == "auto":
        return _automatic()
    named: dict[str, Callable[[], Weights]] = {"imagenet": imagenet, "surface": surface, "random": random}
    return named[choice]() if choice in named else read(Path(choice).expanduser())


def read(path: Path) -> Weights:
    """Read weights from a .npz as described in :class:`Weights`, or from an .h5 that Keras wrote."""
    if path.suffix not in (".npz", ".h5"):
        raise DentlineError(str(path), "is no weights file", "name a .npz or .h5 file, or imagenet, surface, random")
    try:
        arrays = _from_npz(path) if path.suffix == ".npz" else _from_h5(path)
    except FileNotFoundError as error:
        raise DentlineError(str(path), "there is no such weights file", "check [vgg16] weights") from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DentlineError(str(path), f"cannot be read as VGG16 weights: {error}", "name another file") from error
    return _checked(path.stem, str(path), arrays)


def imagenet() -> Weights:
    """Return Keras' ImageNet weights, downloaded once to its cache."""
    cached = Path("~/.keras/models").expanduser() / _KERAS_NAME
    if not cached.is_file():
        _download()
    return replace(read(cached), name="imagenet")


def surface() -> Weights:
    """Return the weights that come with Dentline, learnt on generated surfaces."""
    if not SURFACE.is_file():
        raise WeightsUnavailable("weights surface", f"{SURFACE.name} is not installed", "name a file or use imagenet")
    return replace(read(SURFACE), name="surface")


def random(seed: int = 0) -> Weights:
    """Return He-normal kernels and zero biases: what the architecture alone is worth."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, (kernel, bias) in shapes().items():
        spread = np.sqrt(2 / np.prod(kernel[:3]))
        arrays[f"{name}_kernel"] = rng.normal(0, spread, kernel).astype(np.float32)
        arrays[f"{name}_bias"] = np.zeros(bias, np.float32)
    return _checked("random", f"He normal, seed {seed}", arrays)


def shapes() -> dict[str, tuple[tuple[int, int, int, int], tuple[int]]]:
    """Return the kernel's and the bias' shape of every convolution."""
    inner = (3, *CONVOLUTIONS.values())
    return {name: ((3, 3, inner[i], n), (n,)) for i, (name, n) in enumerate(CONVOLUTIONS.items())}


def _automatic() -> Weights:
    named = os.environ.get(VARIABLE)
    if named:
        return read(Path(named).expanduser())
    try:
        return imagenet()
    except WeightsUnavailable as missing:
        if SURFACE.is_file():
            return surface()
        raise missing


def _download() -> None:
    remedy = f"name a .npz or .h5 file in [vgg16] weights or in {VARIABLE}"
    try:
        socket.create_connection((_KERAS_HOST, 443), timeout=5).close()
        import keras

        keras.utils.get_file(_KERAS_NAME, _KERAS_URL, cache_subdir="models", file_hash=_KERAS_MD5)
    except Exception as error:
        where = "weights imagenet"
        raise WeightsUnavailable(where, f"not in Keras' cache, and {_KERAS_HOST} gave: {error}", remedy) from error


def _from_npz(path: Path) -> dict[str, NDArray[np.float32]]:
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as held:
        return {key: held[key].astype(np.float32) for key in held.files}


def _from_h5(path: Path) -> dict[str, NDArray[np.float32]]:
    import h5py

    arrays: dict[str, NDArray[np.float32]] = {}

    def take(name: str, item: Any) -> None:
        layer = next((part for part in name.split("/") if part in CONVOLUTIONS), None)
        if layer and isinstance(item, h5py.Dataset):
            arrays[f"{layer}_{'kernel' if item.ndim == 4 else 'bias'}"] = item[()].astype(np.float32)

    with h5py.File(path, "r") as held:
        held.visititems(take)
    return arrays


def _checked(name: str, source: str, arrays: dict[str, NDArray[np.float32]]) -> Weights:
    digest = hashlib.sha256()
    kept = {}
    for layer, pair in shapes().items():
        for kind, shape in zip(("kernel", "bias"), pair, strict=True):
            key = f"{layer}_{kind}"
            if key not in arrays or arrays[key].shape != shape:
                got = f"has {arrays[key].shape}" if key in arrays else "is missing"
                raise DentlineError(source, f"{key} {got}, VGG16 has {shape}", "name a file with VGG16's weights")
            kept[key] = arrays[key]
            digest.update(np.ascontiguousarray(kept[key], "<f4").tobytes())
    return Weights(name, source, digest.hexdigest(), kept)
