"""The bundle: a trained model as it is served. This module reads and writes it; nobody else does.

::

    bundle/
      model.onnx       the network with its whole preparation inside
      contract.json    what it takes, what it answers, where it comes from
      golden.npz       pictures with the answers training gave: ``images`` uint8, ``p`` float32
      metrics.json     how good it was on its test split
      reference.npz    how the training photos looked, to see drift; where there are enough of them
      sha256.json      the fingerprint of each file above
"""

import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import files
from dentline.errors import DentlineError
from deployment import contract as contracts
from deployment import reference as references
from deployment.contract import Contract
from deployment.engine import Engine, OnnxEngine
from deployment.prepared import PreparedEngine
from deployment.reference import Reference

FORMAT = 1

_FILES = ("model.onnx", "contract.json", "golden.npz", "metrics.json")
_REFERENCE = "reference.npz"


@dataclass(frozen=True)
class Golden:
    """Pictures with the answers they had when the model was trained.

    Attributes:
        images: ``(n, H, W, 3)`` uint8 RGB; for a patch model H = W = 112, else whole photos: what
            goes through the contract's preparation, so that it is proven too.
        p: ``(n,)`` float32, or ``(n, k)`` for a model of several answers.
    """

    images: NDArray[np.uint8]
    p: NDArray[np.float32]

    def __post_init__(self) -> None:
        if not (self.images.ndim == 4 and self.images.dtype == np.uint8 and 0 < len(self.images) == len(self.p)):
            raise DentlineError(
                "golden pictures",
                f"got {self.images.dtype} {self.images.shape} with p {self.p.shape}",
                "give n of each",
            )


@dataclass(frozen=True)
class Bundle:
    """A bundle as read and verified.

    Attributes:
        model: the bytes of model.onnx, as hashed.
        metrics: as training wrote them.
        fingerprint: SHA-256 over the files' fingerprints: two bundles with one are the same.
        reference: how the training photos looked; None where they were too few.
    """

    folder: Path
    contract: Contract
    model: bytes
    golden: Golden
    metrics: Mapping[str, Any]
    fingerprint: str
    reference: Reference | None = None

    @property
    def model_id(self) -> str:
        """How answers and the dashboard name it: the run that made it."""
        return self.contract.run_id


def write(
    folder: Path,
    model: bytes,
    contract: Contract,
    golden: Golden,
    metrics: Mapping[str, Any],
    n_threads: int = 1,
    reference: Reference | None = None,
) -> Bundle:
    """Write a bundle after replaying its golden pictures; a crash leaves no half bundle.

    Raises:
        DentlineError: the model cannot be loaded, or its answers are not those of training.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        (temporary / "model.onnx").write_bytes(model)
        (temporary / "contract.json").write_text(
            _json({"format": FORMAT, **asdict(contract)}, "contract"), encoding="utf-8"
        )
        (temporary / "metrics.json").write_text(_json(metrics, "metrics"), encoding="utf-8")
        np.savez_compressed(temporary / "golden.npz", images=golden.images, p=golden.p.astype(np.float32))
        if reference is not None:
            (temporary / _REFERENCE).write_bytes(references.dumps(reference))
        hashes = {path.name: files.sha256(path) for path in sorted(temporary.iterdir())}
        (temporary / "sha256.json").write_text(_json(hashes, "sha256.json"), encoding="utf-8")
        written = load(temporary)
        self_test(written, engine(written, n_threads))
        for path in temporary.iterdir():
            path.chmod(0o644)
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return load(folder)


def load(folder: Path) -> Bundle:
    """Read a bundle, and verify every file against its fingerprint.

    Raises:
        DentlineError: a file is missing, changed, or of another format version.
    """
    raw = {name: _read(folder / name) for name in (*_FILES, "sha256.json")}
    expected = _table(folder / "sha256.json", raw["sha256.json"])
    if _REFERENCE in expected:
        raw[_REFERENCE] = _read(folder / _REFERENCE)
    for name in expected.keys() | set(_FILES):
        if files.sha256_of(raw.get(name, b"")) != expected.get(name):
            raise DentlineError(str(folder / name), "is not what was exported: its SHA-256 differs", "export it again")
    table = _table(folder / "contract.json", raw["contract.json"])
    if table.pop("format", None) != FORMAT:
        raise DentlineError(str(folder / "contract.json"), f"is not of format {FORMAT}", "export it again")
    return Bundle(
        folder,
        contracts.parse(folder / "contract.json", table),
        raw["model.onnx"],
        _golden(raw["golden.npz"]),
        _table(folder / "metrics.json", raw["metrics.json"]),
        files.sha256_of(raw["sha256.json"]),
        references.loads(raw[_REFERENCE], str(folder / _REFERENCE)) if _REFERENCE in raw else None,
    )


def find(folder: Path) -> Path:
    """Return the one bundle folder at or below `folder`: Azure puts a model one or two folders down.

    Raises:
        DentlineError: there is none, or more than one.
    """
    found = sorted(path.parent for path in folder.rglob("contract.json"))
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found[:5]) or "none"
        raise DentlineError(str(folder), f"has {len(found)} bundles: {names}", "give a folder with exactly one")
    return found[0]


def engine(bundle: Bundle, n_threads: int = 1) -> Engine:
    """Return what runs the bundle's model: behind its preparation, where it has one.

    Raises:
        DentlineError: ONNX Runtime cannot load it, or a preparation step is not known here.
    """
    bare = OnnxEngine(bundle.model, n_threads, str(bundle.folder / "model.onnx"))
    if bundle.contract.task == "patch":
        return bare
    return PreparedEngine(bare, bundle.contract.prepare, str(bundle.folder / "contract.json"))


def self_test(bundle: Bundle, engine: Engine) -> float:
    """Replay the golden pictures and return the largest difference seen.

    Raises:
        DentlineError: an answer is off by more than the contract's tolerance, 1e-4 in fp32, or on the other
            side of the threshold.
    """
    where = f"{bundle.folder}: golden picture"
    expected, threshold = bundle.golden.p, bundle.contract.threshold
    worst = 0.0
    for number, picture in enumerate(bundle.golden.images):
        got = engine.run(picture[None])[0].reshape(expected.shape[1:])
        difference = float(np.max(np.abs(got - expected[number])))
        if not difference <= bundle.contract.precision.tolerance:
            raise DentlineError(
                f"{where} {number + 1}", f"answers {got} but training said {expected[number]}", "export it again"
            )
        if expected.ndim == 1 and bool(got >= threshold) != bool(expected[number] >= threshold):
            raise DentlineError(
                f"{where} {number + 1}",
                f"p {float(got):.6f} and training's {float(expected[number]):.6f} lie on two sides of the threshold",
                "choose a threshold between two golden answers",
            )
        worst = max(worst, difference)
    return worst


def _golden(raw: bytes) -> Golden:
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return Golden(arrays["images"], arrays["p"])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DentlineError(str(path), f"cannot be read: {error.strerror}", "export the bundle again") from error


def _table(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        table = json.loads(raw)
    except ValueError as error:
        raise DentlineError(str(path), f"is not JSON: {error}", "export the bundle again") from error
    if not isinstance(table, dict):
        raise DentlineError(str(path), "is not a JSON object", "export the bundle again")
    return table


def _json(table: Mapping[str, Any], where: str) -> str:
    try:
        return json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise DentlineError(where, f"cannot be written: {error}", "write null where a figure is not defined") from error
