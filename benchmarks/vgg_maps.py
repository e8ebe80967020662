"""The first two blocks of VGG16 as an ONNX graph over a whole photo: features of places, without TensorFlow."""

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


def _graph(path: Path) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    weights = np.load(path)
    nodes: list[Any] = []
    constants = []
    last = "image"
    for block in (1, 2):
        for number in (1, 2):
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
    picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, None, None])
    out = helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, 128, None, None])
    graph = helper.make_graph(nodes, "vgg16", [picture], [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())
