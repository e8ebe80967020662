"""What the networks of a process keep in memory, by the kernel's own counters."""

import os
import sys

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.processes import resident_mb
from deployment import scan
from deployment.engine import KEPT_VALUES, OnnxEngine

CHANNELS = 64

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc and glibc")


@pytest.fixture(scope="module")
def wide() -> OnnxEngine:
    """Two convolutions of 64 channels, as VGG16 begins: 256 bytes a pixel, twice."""
    rng = np.random.default_rng(0)
    shapes = {"first": (CHANNELS, 3, 3, 3), "second": (CHANNELS, CHANNELS, 1, 1), "head": (1, CHANNELS, 112, 112)}
    held = [numpy_helper.from_array(rng.normal(0, 0.01, s).astype(np.float32), n) for n, s in shapes.items()]
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "first"], ["once"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["once", "second"], ["twice"]),
        helper.make_node("Conv", ["twice", "head"], ["wide"], strides=[400, 400]),
        helper.make_node("Squeeze", ["wide", "axis"], ["p"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    answer = helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", "i", "j"])
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    graph = helper.make_graph(nodes, "wide", [image], [answer], [*held, axis])
    return OnnxEngine(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    )


def test_a_tile_keeps_its_memory_for_the_next_and_no_second_one(wide: OnnxEngine) -> None:
    least_mb = 2 * CHANNELS * 4 * 380 * 380 / 2**20
    sides = [(380, 380), (370, 390), (300, 400), (390, 370), (200, 200)]
    assert all(3 * height * width <= min(KEPT_VALUES, 3 * scan.TILE_PX) for height, width in sides)
    wide.run(np.zeros((1, 112, 112, 3), np.uint8))
    before = resident_mb(os.getpid())
    for height, width in sides * 2:
        wide.run(np.zeros((1, height, width, 3), np.uint8))
    kept = resident_mb(os.getpid()) - before
    assert least_mb / 2 < kept < 1.4 * least_mb


def test_a_run_larger_than_a_tile_gives_its_memory_back(wide: OnnxEngine) -> None:
    wide.run(np.zeros((1, 380, 380, 3), np.uint8))
    before = resident_mb(os.getpid())
    wide.run(np.zeros((1, 1000, 1000, 3), np.uint8))
    assert resident_mb(os.getpid(), "VmHWM") - before > 400
    assert resident_mb(os.getpid()) - before < 100
