"""Convolutions that answer alike to a patch and its eight exact turns and mirrors.

A dent turned by 90 degrees or seen in a mirror is a dent. Instead of learning that from copies, each
filter is applied in its eight orientations, and the orientations are carried along as an axis of the
channels. Pooled over that axis at the end, a network of these layers gives the same number for all
eight, in one pass, from an eighth of the parameters.

Source: Cohen and Welling, Group Equivariant Convolutional Networks, 2016 (group p4m).
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

N_ORIENTATIONS = 8


def orient(square: NDArray[Any], element: int) -> NDArray[Any]:
    """Mirror `square` (its first two axes) if `element` is 4 or more, then turn it element % 4 quarters."""
    return np.rot90(square[:, ::-1] if element >= 4 else square, element % 4)


def _table() -> NDArray[np.int64]:
    """Return t with t[g, h] the element that, done before g, gives h: the inverse of g, then h."""
    probe = np.arange(9).reshape(3, 3)
    name = {orient(probe, g).tobytes(): g for g in range(N_ORIENTATIONS)}
    table = np.empty((N_ORIENTATIONS, N_ORIENTATIONS), np.int64)
    for g in range(N_ORIENTATIONS):
        for k in range(N_ORIENTATIONS):
            table[g, name[orient(orient(probe, k), g).tobytes()]] = k
    return table


def lifting_index(size: int, n_in: int, n_out: int) -> NDArray[np.int32]:
    """Return where each entry of the eight oriented kernels (s, s, in, 8, out) lies in (s, s, in, out)."""
    place = np.arange(size * size * n_in * n_out, dtype=np.int32).reshape(size, size, n_in, n_out)
    return np.stack([orient(place, g) for g in range(N_ORIENTATIONS)], axis=3)


def group_index(size: int, n_in: int, n_out: int) -> NDArray[np.int32]:
    """Return where each entry of (s, s, 8, in, 8, out) lies in the stored kernel (s, s, 8, in, out)."""
    shape = (size, size, N_ORIENTATIONS, n_in, n_out)
    place, table = np.arange(np.prod(shape), dtype=np.int32).reshape(shape), _table()
    turned = [
        np.stack([orient(place[:, :, table[g, h]], g) for h in range(N_ORIENTATIONS)], axis=2)
        for g in range(N_ORIENTATIONS)
    ]
    return np.stack(turned, axis=4)


@keras.saving.register_keras_serializable("dentline")
class SymmetricConv2D(keras.layers.Layer):
    """A valid convolution in eight orientations, with a bias shared by them and a ReLU.

    Channels are ordered orientation first: (N, H, W, 8 * filters). With `lifts`, the input is a plain
    picture (N, H, W, c); without, it is the output of another such layer. With `balanced`, each kernel
    sums to zero over its window, so that adding a constant to the picture changes nothing.
    """

    def __init__(self, filters: int, size: int, lifts: bool = False, balanced: bool = False, **rest: Any) -> None:
        super().__init__(**rest)
        self.filters, self.size, self.lifts, self.balanced = filters, size, lifts, balanced

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = int(input_shape[-1] or 0)
        n_in = channels if self.lifts else channels // N_ORIENTATIONS
        stored = (self.size, self.size) + (() if self.lifts else (N_ORIENTATIONS,)) + (n_in, self.filters)
        spread = float(np.sqrt(2 / (self.size**2 * channels)))
        self.kernel = self.add_weight(
            shape=stored, initializer=keras.initializers.RandomNormal(stddev=spread), name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")
        index = (lifting_index if self.lifts else group_index)(self.size, n_in, self.filters)
        self._index = index.reshape(self.size, self.size, channels, N_ORIENTATIONS * self.filters)

    def call(self, x: Any) -> Any:
        kernel = self.kernel - ops.mean(self.kernel, axis=(0, 1), keepdims=True) if self.balanced else self.kernel
        oriented = ops.take(ops.reshape(kernel, (-1,)), self._index)
        return ops.relu(ops.conv(x, oriented) + ops.tile(self.bias, N_ORIENTATIONS))

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "size": self.size, "lifts": self.lifts, "balanced": self.balanced}
        return {**super().get_config(), **own}
