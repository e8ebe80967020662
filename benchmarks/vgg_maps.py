"""VGG16's blocks as ONNX graphs over a whole photo, without TensorFlow: features of places, a model to time."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIDE_PX = 4
_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)


class VggMaps:
    """Frozen VGG16 up to ``block2_pool``, from the weights' .npz (Keras layout: h, w, in, out)."""

    def __init__(self, weights: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(_graph(weights), options, providers=["CPUExecutionProvider"])

    def at(self, photo: NDArray[np.uint8], xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, 384) float32: centre, maximum and mean of the 32 px around each place x, y of an RGB photo."""
        pad = ((32, 32 + -photo.shape[0] % STRIDE_PX), (32, 32 + -photo.shape[1] % STRIDE_PX), (0, 0))
        bgr = np.pad(photo[..., ::-1], pad, mode="reflect").astype(np.float32) - _MEAN_BGR
        (maps,) = self._session.run(None, {"image": bgr.transpose(2, 0, 1)[None]})
        rows, columns = (((xy[:, k] + 32) / STRIDE_PX).astype(int) for k in (1, 0))
        cells = [maps[0][:, r - 4 : r + 4, c - 4 : c + 4].reshape(128, -1) for r, c in zip(rows, columns, strict=True)]
        near = [maps[0][:, r - 1 : r + 1, c - 1 : c + 1].reshape(128, -1) for r, c in zip(rows, columns, strict=True)]
        pooled = [np.r_[n.mean(1), w.max(1), w.mean(1)] for n, w in zip(near, cells, strict=True)]
        return np.asarray(pooled, np.float32).reshape(len(xy), 384)


def patch_model(rng: np.random.Generator) -> bytes:
    """Return a patch model of VGG16's first three blocks with random weights: as heavy as the real one."""
    from onnx import TensorProto, helper, numpy_helper

    widths = {1: (3, 64, 64), 2: (64, 128, 128), 3: (128, 256, 256, 256)}
    weights = {}
    for block, channels in widths.items():
        for number, (into, out) in enumerate(pairwise(channels), 1):
            scale = np.sqrt(2 / (9 * into))
            weights[f"block{block}_conv{number}_kernel"] = rng.normal(0, scale, (3, 3, into, out)).astype(np.float32)
            weights[f"block{block}_conv{number}_bias"] = np.zeros(out, np.float32)
    nodes, constants = _blocks(weights, "pixels", (1, 2, 3))
    head = {
        "scale": np.full(1, 1 / 128, np.float32),
        "starts": np.array([3, 3]),
        "ends": np.array([-3, -3]),
        "axes": np.array([2, 3]),
        "head_w": rng.normal(0, 0.05, (1, 256, 1, 1)).astype(np.float32),
        "squeeze": np.array([1]),
    }
    constants += [numpy_helper.from_array(value, name) for name, value in head.items()]
    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["pixels"], perm=[0, 3, 1, 2]),
        *nodes,
        helper.make_node("Slice", ["block3_pool", "starts", "ends", "axes"], ["cells"]),
        helper.make_node("AveragePool", ["cells"], ["pooled"], kernel_shape=[8, 8]),
        helper.make_node("Conv", ["pooled", "head_w"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["wide"]),
        helper.make_node("Squeeze", ["wide", "squeeze"], ["p"]),
    ]
    picture = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    out = helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", "y", "x"])
    return _serialised(nodes, picture, out, constants)


def _graph(path: Path) -> bytes:
    from onnx import TensorProto, helper

    with np.load(path, allow_pickle=False) as held:
        weights = {name: held[name].astype(np.float32) for name in held if name.startswith("block")}
    nodes, constants = _blocks(weights, "image", (1, 2))
    picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, None, None])
    out = helper.make_tensor_value_info("block2_pool", TensorProto.FLOAT, [1, 128, None, None])
    return _serialised(nodes, picture, out, constants)


def _blocks(weights: Mapping[str, Any], last: str, blocks: Sequence[int]) -> tuple[list[Any], list[Any]]:
    from onnx import helper, numpy_helper

    nodes: list[Any] = []
    constants = []
    for block in blocks:
        for number in range(1, 4 if block > 2 else 3):
            name = f"block{block}_conv{number}"
            kernel = np.ascontiguousarray(weights[f"{name}_kernel"].transpose(3, 2, 0, 1))
            constants += [numpy_helper.from_array(kernel, f"{name}_w")]
            constants += [numpy_helper.from_array(weights[f"{name}_bias"], f"{name}_b")]
            inputs = [last, f"{name}_w", f"{name}_b"]
            nodes += [helper.make_node("Conv", inputs, [f"{name}_z"], pads=[1, 1, 1, 1], kernel_shape=[3, 3])]
            nodes += [helper.make_node("Relu", [f"{name}_z"], [name])]
            last = name
        pool = f"block{block}_pool"
        nodes += [helper.make_node("MaxPool", [last], [pool], kernel_shape=[2, 2], strides=[2, 2])]
        last = pool
    return nodes, constants


def _serialised(nodes: list[Any], picture: Any, out: Any, constants: list[Any]) -> bytes:
    from onnx import helper

    graph = helper.make_graph(nodes, "vgg16", [picture], [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())
