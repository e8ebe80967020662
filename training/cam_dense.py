"""Grad-CAM of a network that ends in dense layers, its gradient written into the graph.

From the last map come a maximum pooling, dropouts, a flattening and dense layers with ReLU. The gradient of the
logit is then a product of their kernels, each row of it switched by whether its ReLU was on: a few operators that
any runtime has. A maximum pooling hands each cell's gradient to one place, so the mean over places is theirs too.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

_PASSES = (layers.Dropout, layers.MaxPooling2D, layers.AveragePooling2D)


@keras.saving.register_keras_serializable("dentline")
class DenseCam(layers.Layer):
    """[map (N, h, w, c), hidden activations (N, k) ...] -> (N, h, w), clipped at 0.

    Args:
        kernels: of the hidden layers, first to last; the first takes a flattened map of c channels.
        last: (k,), of the logit.
    """

    def __init__(self, kernels: list[Any], last: Any, **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self.kernels = [np.asarray(kernel, np.float32) for kernel in kernels]
        self.last = np.asarray(last, np.float32)

    def call(self, seen: Any) -> Any:
        grid, *hidden = seen
        gradient = ops.ones_like(hidden[-1]) * self.last
        for kernel, activation in zip(reversed(self.kernels), reversed(hidden), strict=True):
            gradient = ops.matmul(gradient * ops.cast(activation > 0, "float32"), kernel.T)
        channels = grid.shape[-1]
        weights = ops.sum(ops.reshape(gradient, (-1, gradient.shape[-1] // channels, channels)), axis=1)
        return ops.relu(ops.sum(grid * ops.reshape(weights, (-1, 1, 1, channels)), axis=-1))


def has_dense_head(model: keras.Model, layer: layers.Layer) -> bool:
    """Whether all that follows a layer is poolings, dropouts, one flattening, dense ReLU layers and the answer."""
    after = [one for one in _after(model, layer) if not isinstance(one, _PASSES)]
    if len(after) < 3 or not isinstance(after[0], layers.Flatten):
        return False
    dense = [one for one in after[1:] if isinstance(one, layers.Dense)]
    hidden = [one for one in dense[:-1] if one.activation is keras.activations.relu]
    return len(hidden) == len(dense) - 1 > 0 and not any(one.weights for one in after[1:] if one not in dense)


def dense_cam(model: keras.Model, layer: layers.Layer) -> Any:
    """Return the output `cam` (N, h, w) of a model for which :func:`has_dense_head` holds."""
    *hidden, last = [one for one in _after(model, layer) if isinstance(one, layers.Dense)]
    kernel = np.asarray(last.kernel)
    logit = kernel[:, 0] if kernel.shape[1] == 1 else kernel[:, 1] - kernel[:, 0]
    made = DenseCam([np.asarray(one.kernel) for one in hidden], logit, name="cam")
    return made([layer.output, *(one.output for one in hidden)])


def _after(model: keras.Model, layer: layers.Layer) -> list[layers.Layer]:
    return list(model.layers[model.layers.index(layer) + 1 :])
