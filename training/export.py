"""A trained Keras model as a bundle: ONNX with its whole preparation, golden pictures, threshold."""

import logging
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from deployment import bundle
from deployment.bundle import Bundle, Golden
from deployment.contract import TOLERANCE, Contract
from deployment.reference import Reference
from training import precision
from training.cam import with_cam
from training.data import Examples
from training.fit import predict

N_GOLDEN = 16


def onnx(model: keras.Model, answer: str = "p") -> bytes:
    """Return a model as ONNX, every size that it leaves open left open; agrees with Keras to 1e-6.

    Args:
        answer: what its output is called: ``p`` or ``corners``. A model that answers p also gets ``cam``,
            see :mod:`training.cam`.

    Raises:
        DentlineError: Keras' exporter fails.
    """
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    if answer == "p":
        model = with_cam(model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):  # its tensors would become inputs of the graph
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
    model(np.zeros((1, *(side or FIELD_PX for side in model.input_shape[1:])), np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                model.export(path, format="onnx", verbose=False)
        except Exception as error:
            raise DentlineError(f"model {model.name}", f"cannot be exported to ONNX: {error}", "report this") from error
        return _named(path.read_bytes(), (answer, "cam"))


def _named(exported: bytes, answers: tuple[str, str]) -> bytes:
    """Call the outputs, one or two, as the bundle's contract has it."""
    import onnx as onnx_format

    proto = onnx_format.load_from_string(exported)
    called = {output.name: answer for output, answer in zip(proto.graph.output, answers, strict=False)}
    for output in proto.graph.output:
        output.name = called[output.name]
    for node in proto.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = called.get(name, name)
    return bytes(proto.SerializeToString())


def golden(model: keras.Model, examples: Examples, threshold: float) -> Golden:
    """Return examples over the whole range of p, none so near the threshold that rounding could move it.

    Args:
        examples: to choose from; validation, so that the bundle holds no test picture.
    """
    p = predict(model, examples.fields())
    clear = np.flatnonzero(np.abs(p - threshold) > 10 * TOLERANCE)
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
    wanted: str = "fp32",
    learnt: Examples | None = None,
) -> Bundle:
    """Write the bundle; refused when ONNX Runtime and Keras disagree on a golden picture.

    Args:
        examples: of the validation split.
        wanted: precision, as :func:`training.precision.choose` takes it. learnt: training examples, for it.

    Raises:
        DentlineError: they differ by more than 1e-4, or in a verdict; or as :func:`training.precision.choose`.
    """
    pictures = golden(model, examples, contract.threshold)
    served = onnx(model)
    if wanted != "fp32":
        material = learnt or examples
        calibration = material.take(precision.spread(material.label, precision.N_CALIBRATION)).fields()
        seen = precision.Material(calibration, examples.fields(), examples.label, pictures.images, pictures.p)
        served, chosen = precision.choose(wanted, served, contract.threshold, seen)
        contract = replace(contract, precision=chosen)
    return bundle.write(folder, served, contract, pictures, metrics, reference=reference)
