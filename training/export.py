"""A trained Keras model as a bundle: ONNX with its whole preparation, golden pictures, threshold."""

import logging
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from deployment import bundle
from deployment.bundle import Bundle, Contract, Golden
from deployment.reference import Reference
from training.data import Examples
from training.fit import predict

N_GOLDEN = 16


def onnx(model: keras.Model, answer: str = "p") -> bytes:
    """Return a model as ONNX, every size that it leaves open left open; agrees with Keras to 1e-6.

    Args:
        answer: what its one output is called: ``p`` or ``corners``.

    Raises:
        DentlineError: Keras' exporter fails.
    """
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    model(np.zeros((1, *(side or FIELD_PX for side in model.input_shape[1:])), np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                model.export(path, format="onnx", verbose=False)
        except Exception as error:
            raise DentlineError(f"model {model.name}", f"cannot be exported to ONNX: {error}", "report this") from error
        return _named(path.read_bytes(), answer)


def _named(exported: bytes, answer: str) -> bytes:
    """Call the one output as the bundle's contract has it."""
    import onnx as onnx_format

    proto = onnx_format.load_from_string(exported)
    (output,) = proto.graph.output
    old, output.name = output.name, answer
    for node in proto.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = answer if name == old else name
    return bytes(proto.SerializeToString())


def golden(model: keras.Model, examples: Examples, threshold: float) -> Golden:
    """Return examples over the whole range of p, none so near the threshold that rounding could move it.

    Args:
        examples: to choose from; validation, so that the bundle holds no test picture.
    """
    p = predict(model, examples.fields())
    clear = np.flatnonzero(np.abs(p - threshold) > 10 * bundle.TOLERANCE)
    order = clear[np.argsort(p[clear], kind="stable")]
    rows = order[np.unique(np.linspace(0, len(order) - 1, min(N_GOLDEN, len(order))).round().astype(int))]
    fields = np.ascontiguousarray(examples.fields()[rows])
    return Golden(fields, predict(model, fields).astype(np.float32))


def export(
    folder: Path,
    model: keras.Model,
    contract: Contract,
    examples: Examples,
    metrics: Mapping[str, Any],
    reference: Reference | None = None,
) -> Bundle:
    """Write the bundle; refused when ONNX Runtime and Keras disagree on a golden picture.

    Raises:
        DentlineError: they differ by more than 1e-4, or in a verdict.
    """
    pictures = golden(model, examples, contract.threshold)
    return bundle.write(folder, onnx(model), contract, pictures, metrics, reference=reference)
