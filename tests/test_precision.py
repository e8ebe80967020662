"""The precision of an exported model: integers only where they are measured to be faster and as good."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from deployment import bundle
from deployment.bundle import Golden
from deployment.contract import TOLERANCE, Precision
from deployment.engine import OnnxEngine
from tests import tiny_model
from training import precision
from training.precision import Material

THRESHOLD = 0.5


def network() -> bytes:
    """Two convolutions, each with its activation, a pooling between them; p from the mean of the last map."""
    rng = np.random.default_rng(0)
    weights = {
        "k1": rng.normal(0, 0.2, (8, 3, 3, 3)),
        "k2": rng.normal(0, 0.2, (8, 8, 3, 3)),
        "k3": rng.normal(0, 0.4, (1, 8, 1, 1)),
        "scale": np.array([1 / 128]),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "k1"], ["c1"], name="first"),
        helper.make_node("Relu", ["c1"], ["r1"], name="first_relu"),
        helper.make_node("MaxPool", ["r1"], ["m1"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["m1", "k2"], ["c2"], name="second"),
        helper.make_node("Relu", ["c2"], ["r2"], name="second_relu"),
        helper.make_node("AveragePool", ["r2"], ["mean"], name="mean", kernel_shape=[53, 53]),
        helper.make_node("Conv", ["mean", "k3"], ["logit"], name="head"),
        helper.make_node("Sigmoid", ["logit"], ["squashed"]),
        helper.make_node("Squeeze", ["squashed", "axis"], ["p"]),
    ]
    held = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", FIELD_PX, FIELD_PX, 3])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", "i", "j"])],
        [*held, numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


MODEL = network()


@pytest.fixture(scope="module")
def seen() -> Material:
    """Dark and bright fields, which the network tells apart, and the threshold between them at 0.5."""
    rng = np.random.default_rng(1)
    level = np.where(np.arange(40) % 2, 60, 190)
    fields = np.clip(level[:, None, None, None] + rng.normal(0, 12, (40, FIELD_PX, FIELD_PX, 3)), 0, 255)
    inputs = fields.astype(np.uint8)
    p = OnnxEngine(MODEL).run(inputs).reshape(-1)
    middle = (p[0] + p[1]) / 2
    return Material(inputs[:16], inputs, (p > middle).astype(np.int8), inputs[:6], p[:6])


@pytest.fixture
def threshold(seen: Material) -> float:
    return float(seen.p[0] + seen.p[1]) / 2


@pytest.fixture
def never_too_slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(precision, "LEAST_GAIN", 0.0)
    yield


def test_only_spatial_convolutions_with_what_lies_between_them_become_integers(seen: Material) -> None:
    made = precision.quantised(MODEL, seen.calibration)
    assert made is not None
    proto = onnx.load_from_string(made)
    integers = {t.name for t in proto.graph.initializer if t.data_type == TensorProto.INT8}
    assert {name[:2] for name in integers if name.startswith("k")} == {"k1", "k2"}
    assert len(made) < len(MODEL) * 3
    p = OnnxEngine(made).run(seen.inputs).reshape(-1)
    unnamed = onnx.load_from_string(MODEL)
    for node in unnamed.graph.node:
        node.name = ""
    again = precision.quantised(bytes(unnamed.SerializeToString()), seen.calibration)
    assert again is not None and np.array_equal(OnnxEngine(again).run(seen.inputs).reshape(-1), p)
    off = np.abs(p - OnnxEngine(MODEL).run(seen.inputs).reshape(-1))
    assert 0 < off.max() < 0.02, "integers that answer to the bit as floats are floats"


@pytest.mark.usefixtures("never_too_slow")
def test_auto_takes_integers_that_are_as_good_and_says_why(seen: Material, threshold: float) -> None:
    served, chosen = precision.choose("auto", MODEL, threshold, seen)
    assert chosen.name == "int8" and served != MODEL
    floats, integers = chosen.tried
    assert (floats.precision, integers.precision) == ("fp32", "int8")
    assert floats.auc == integers.auc == 1 and floats.n_judged == integers.n_judged == 40
    assert floats.largest_difference < 1e-6 < integers.largest_difference <= chosen.tolerance / 2
    assert integers.golden_lost == integers.verdicts_changed == 0
    assert floats.ms_per_picture > 0 and integers.ms_per_picture > 0


def test_auto_keeps_floats_where_integers_are_not_faster_or_not_as_good(
    seen: Material, threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "LEAST_GAIN", 1e9)
    served, chosen = precision.choose("auto", MODEL, threshold, seen)
    assert (served, chosen.name, len(chosen.tried)) == (MODEL, "fp32", 2)
    assert precision.choose("int8", MODEL, threshold, seen)[1].name == "int8", "asked for by name, speed is no reason"
    monkeypatch.setattr(precision, "LEAST_GAIN", 0.0)
    other_side = replace(seen, p=1 - seen.p)
    assert precision.choose("auto", MODEL, threshold, other_side)[1].name == "fp32"
    with pytest.raises(DentlineError, match="golden"):
        precision.choose("int8", MODEL, threshold, other_side)
    monkeypatch.setattr(precision, "LARGEST_LOSS", -1.0)
    with pytest.raises(DentlineError, match="AUC"):
        precision.choose("int8", MODEL, threshold, seen)


def test_floats_are_not_measured_and_a_model_without_convolutions_stays(seen: Material) -> None:
    assert precision.choose("fp32", MODEL, THRESHOLD, seen) == (MODEL, Precision())
    bare = onnx.load_from_string(MODEL)
    del bare.graph.node[3:9]
    plain = bytes(bare.SerializeToString())
    assert precision.choose("auto", plain, THRESHOLD, seen) == (plain, Precision())
    with pytest.raises(DentlineError, match="no convolution"):
        precision.choose("int8", plain, THRESHOLD, seen)


@pytest.mark.usefixtures("never_too_slow")
def test_the_bundle_holds_the_choice_and_replays_its_golden_pictures_by_it(
    seen: Material, threshold: float, tmp_path: Path
) -> None:
    served, chosen = precision.choose("auto", MODEL, threshold, seen)
    contract = replace(tiny_model.CONTRACT, threshold=threshold, precision=chosen)
    golden = Golden(seen.golden, seen.p)
    written = bundle.write(tmp_path / "bundle", served, contract, golden, {})
    assert bundle.load(tmp_path / "bundle").contract.precision == chosen
    worst = bundle.self_test(written, bundle.engine(written))
    assert TOLERANCE / 100 < worst <= chosen.tolerance
    strict = replace(contract, precision=replace(chosen, tolerance=worst / 2))
    with pytest.raises(DentlineError, match="golden picture"):
        bundle.write(tmp_path / "strict", served, strict, golden, {})


def test_a_bundle_from_before_there_was_a_choice_is_fp32(tmp_path: Path) -> None:
    folder = tiny_model.write(tmp_path / "bundle").folder
    table = json.loads((folder / "contract.json").read_text())
    del table["precision"]
    (folder / "contract.json").write_text(json.dumps(table))
    hashes = json.loads((folder / "sha256.json").read_text())
    hashes["contract.json"] = bundle.files.sha256(folder / "contract.json")
    (folder / "sha256.json").write_text(json.dumps(hashes))
    assert bundle.load(folder).contract.precision == Precision()


def test_rows_are_spread_over_both_labels() -> None:
    label = np.zeros(1000, np.int8)
    label[[3, 500, 997]] = 1
    rows = precision.spread(label, 64)
    assert {3, 500, 997} <= set(rows) and len(rows) == 3 + 32 and rows.max() == 999
