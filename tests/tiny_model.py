"""A model of a few operators that finds dark spots, made without TensorFlow, and its bundle."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dentline.geometry import FIELD_PX, HALO_PX, STRIDE_PX
from deployment import bundle
from deployment.bundle import Bundle, Golden
from deployment.contract import Contract
from deployment.engine import OnnxEngine

CONTRACT = Contract(
    task="patch",
    name="panels",
    model="tiny",
    run_id="20260102-030405-tiny",
    threshold=0.5,
    weights="none",
    created_at_utc="2026-01-02T03:04:05",
    code_version="0.1.0",
    data_fingerprint="0" * 64,
)


def model(gain: float = 0.2, bias: float = -6.0, has_cam: bool = True) -> bytes:
    """p = sigmoid(gain * (mean of the field - mean of its middle 16x16) + bias), at stride 8.

    Its second output, `cam`, is how much darker each 8 px cell of the patch is than the field.
    """
    kernel = np.full((1, 3, FIELD_PX, FIELD_PX), gain / (3 * FIELD_PX**2), np.float32)
    middle = slice(FIELD_PX // 2 - 8, FIELD_PX // 2 + 8)
    kernel[:, :, middle, middle] -= gain / (3 * 16**2)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "kernel", "bias"], ["map"], strides=[STRIDE_PX, STRIDE_PX]),
        helper.make_node("Sigmoid", ["map"], ["squashed"]),
        helper.make_node("Squeeze", ["squashed", "axis"], ["p"]),
    ]
    cam_nodes = [
        helper.make_node("ReduceMean", ["nchw"], ["grey"], axes=[1]),
        helper.make_node("ReduceMean", ["grey"], ["level"], axes=[2, 3]),
        helper.make_node("Slice", ["grey", "from", "to", "sides"], ["patch"]),
        helper.make_node("AveragePool", ["patch"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Sub", ["level", "cells"], ["darker"]),
        helper.make_node("Relu", ["darker"], ["spoken"]),
        helper.make_node("Squeeze", ["spoken", "axis"], ["cam"]),
    ]
    cam_output = helper.make_tensor_value_info("cam", TensorProto.FLOAT, ["n", "k", "l"])
    graph = helper.make_graph(
        nodes + cam_nodes * has_cam,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", "i", "j"]), *[cam_output] * has_cam],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.array([bias], np.float32), "bias"),
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
            numpy_helper.from_array(np.array([HALO_PX, HALO_PX], np.int64), "from"),
            numpy_helper.from_array(np.array([-HALO_PX, -HALO_PX], np.int64), "to"),
            numpy_helper.from_array(np.array([2, 3], np.int64), "sides"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def corners_model(corners: NDArray[np.float32]) -> bytes:
    """Always the same corners, whatever the picture."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["none"]),
        helper.make_node("Unsqueeze", ["none", "one"], ["column"]),
        helper.make_node("Add", ["column", "where"], ["corners"]),
    ]
    held = {
        "axes": np.array([1, 2, 3], np.int64),
        "zero": np.array([0], np.float32),
        "one": np.array([1], np.int64),
        "where": corners[None],
    }
    graph = helper.make_graph(
        nodes,
        "corners",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("corners", TensorProto.FLOAT, ["n", 8])],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def surface(
    height: int, width: int, dents: list[tuple[float, float]], seed: int = 0, radius_px: float = 9
) -> NDArray[np.uint8]:
    """A grey, slightly noisy surface with a dark spot at each (x, y)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    level = 150 + 10 * columns / width + rng.normal(0, 2, (height, width))
    for x, y in dents:
        level -= 110 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (radius_px / 1.5) ** 2))
    return np.repeat(np.clip(level, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def golden(onnx_bytes: bytes) -> Golden:
    middle = FIELD_PX / 2
    fields = np.stack([surface(FIELD_PX, FIELD_PX, [(middle, middle)] * (n % 2), seed=n) for n in range(4)])
    return Golden(fields, OnnxEngine(onnx_bytes).run(fields).reshape(-1))


def write(
    folder: Path, run_id: str = CONTRACT.run_id, metrics: Mapping[str, Any] | None = None, **other: Any
) -> Bundle:
    """Write a whole bundle of the tiny model; `other` are arguments of :func:`model`."""
    made = model(**other)
    return bundle.write(folder, made, replace(CONTRACT, run_id=run_id), golden(made), metrics or {"auc": 0.9})
