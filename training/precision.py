"""The numbers a model is served in: 32-bit floats, or 8-bit integers where they are faster and as good.

Integers are measured before they are chosen: their speed beside the floats' in turn, their AUC on the
validation split, and every golden picture's verdict. What was seen goes into the bundle's contract.
Convolutions alone are quantised, by ONNX Runtime's static quantisation (one scale a channel; the range of
each activation as training pictures showed it); pooling by means, the head and the verdict stay floats.
"""

import logging
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from deployment.contract import TOLERANCE, Precision, Tried
from deployment.engine import OnnxEngine
from training import metrics

LARGEST_LOSS = 0.002
"""Most AUC that integers may cost on the validation split."""

LARGEST_DIFFERENCE = 0.05
"""Most that the p of a golden picture may move."""

LEAST_GAIN = 1.2
"""Times faster than floats that integers must be."""

N_CALIBRATION = 64
N_JUDGED = 1000
"""Most inputs used: to find the activations' ranges, and to judge."""

_BATCH = 8
_ROUNDS = 5

Inputs = NDArray[Any]


@dataclass(frozen=True)
class Material:
    """What a precision is chosen by.

    Attributes:
        calibration: (m, ...) inputs of the model of the training split, see :func:`spread`.
        inputs, label: (n, ...) and (n,) of the validation split.
        golden, p: (g, ...) inputs and what training answered to them.
    """

    calibration: Inputs
    inputs: Inputs
    label: NDArray[np.int8]
    golden: Inputs
    p: NDArray[np.float32]


def choose(wanted: str, model: bytes, threshold: float, seen: Material) -> tuple[bytes, Precision]:
    """Return the model as it is served, and the contract's record of why.

    Args:
        wanted: ``fp32``, ``int8``, or ``auto``: the faster of those that answer as training did.
        model: ONNX in fp32, uint8 pictures -> p.

    Raises:
        DentlineError: int8 was asked for and cannot be had, or its answers are not good enough.
    """
    if wanted == "fp32":
        return model, Precision()
    found = quantised(model, seen.calibration)
    if found is None:
        if wanted == "int8":
            raise DentlineError("--precision int8", "the model has no convolution to quantise", "take auto or fp32")
        return model, Precision()
    tried = _tried({"fp32": model, "int8": found}, threshold, seen)
    floats, integers = tried
    wrong = _objection(floats, integers, wanted == "auto")
    if wrong and wanted == "int8":
        raise DentlineError("--precision int8", wrong, "take auto or fp32")
    if wrong:
        return model, Precision(tried=tried)
    return found, Precision("onnxruntime", "int8", max(2 * integers.largest_difference, TOLERANCE), tried)


def quantised(model: bytes, calibration: Inputs) -> bytes | None:
    """Return a model with its convolutions in 8-bit integers; None where it has none worth it."""
    import onnx
    from onnxruntime import quantization

    proto = onnx.load_from_string(model)
    for number, node in enumerate(proto.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"  # what is quantised is chosen by name
    nodes = _nodes(proto)
    if not nodes:
        return None
    name = proto.graph.input[0].name

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._batches: Iterator[Inputs] = (calibration[i : i + _BATCH] for i in range(0, len(calibration), _BATCH))

        def get_next(self) -> dict[str, Inputs] | None:
            batch = next(self._batches, None)
            return None if batch is None else {name: np.ascontiguousarray(batch)}

    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # it advises on every call to optimise a graph that is
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "int8.onnx"
            quantization.quantize_static(
                proto,
                made,
                Reader(),
                quant_format=quantization.QuantFormat.QDQ,
                nodes_to_quantize=nodes,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
            return made.read_bytes()
    finally:
        log.setLevel(level)


def _nodes(proto: Any) -> list[str]:
    """Return the spatial convolutions, their activations, and the poolings between them."""
    kernels = {tensor.name: list(tensor.dims) for tensor in proto.graph.initializer}
    made_by = {output: node for node in proto.graph.node for output in node.output}
    chosen = {
        node.name
        for node in proto.graph.node
        if node.op_type == "Conv" and np.prod(kernels.get(node.input[1], [1])[2:]) > 1
    }
    relus = {n.name for n in proto.graph.node if n.op_type == "Relu" and _name(made_by, n.input[0]) in chosen}
    pools = {
        made_by[node.input[0]].name
        for node in proto.graph.node
        if node.name in chosen and node.input[0] in made_by and made_by[node.input[0]].op_type == "MaxPool"
    }
    return sorted(chosen | relus | pools)


def _name(made_by: dict[str, Any], value: str) -> str:
    return made_by[value].name if value in made_by else ""


def spread(label: NDArray[np.int8], n: int) -> NDArray[np.intp]:
    """Return at most `n` rows, half of each label, evenly through the rows."""
    kinds = [np.flatnonzero(label == kind) for kind in (0, 1)]
    picked = [rows[np.linspace(0, len(rows) - 1, min(n // 2, len(rows))).astype(int)] for rows in kinds]
    return np.unique(np.concatenate(picked))


def _tried(models: dict[str, bytes], threshold: float, seen: Material) -> tuple[Tried, ...]:
    engines = {name: OnnxEngine(model) for name, model in models.items()}
    rows = spread(seen.label, N_JUDGED)
    p = {name: _answers(engine, seen.inputs[rows]) for name, engine in engines.items()}
    golden = {name: _answers(engine, seen.golden) for name, engine in engines.items()}
    batch = np.ascontiguousarray(seen.inputs[:_BATCH])
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(_ROUNDS):
        for name, engine in engines.items():
            began = time.process_time()
            engine.run(batch)
            spent[name].append((time.process_time() - began) / len(batch))
    label = seen.label[rows].astype(bool)
    first = next(iter(models))
    return tuple(
        Tried(
            precision=name,
            ms_per_picture=round(float(np.median(spent[name])) * 1e3, 4),
            auc=round(float(metrics.auc(label, p[name])[0]), 6),
            n_judged=len(rows),
            verdicts_changed=int(np.sum((p[name] >= threshold) != (p[first] >= threshold))),
            golden_lost=int(np.sum((golden[name] >= threshold) != (seen.p >= threshold))),
            largest_difference=float(np.abs(golden[name] - seen.p).max()),
        )
        for name in models
    )


def _answers(engine: OnnxEngine, inputs: Inputs) -> NDArray[np.float64]:
    parts = [engine.run(inputs[i : i + _BATCH]).reshape(-1) for i in range(0, len(inputs), _BATCH)]
    return np.concatenate(parts).astype(np.float64)


def _objection(floats: Tried, integers: Tried, by_speed: bool) -> str:
    """Return why integers are not served, or nothing."""
    if floats.auc - integers.auc > LARGEST_LOSS:
        return f"costs {floats.auc - integers.auc:.4f} AUC of {floats.auc:.4f}, at most {LARGEST_LOSS} is allowed"
    if integers.golden_lost:
        return f"changes the verdict on {integers.golden_lost} golden pictures"
    if integers.largest_difference > LARGEST_DIFFERENCE:
        return f"moves the p of a golden picture by {integers.largest_difference:.3f}"
    gain = floats.ms_per_picture / max(integers.ms_per_picture, 1e-9)
    return f"is {gain:.2f} times as fast" if by_speed and gain < LEAST_GAIN else ""
