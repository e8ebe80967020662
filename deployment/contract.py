"""What a model promises: the contract of its bundle, as data."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dentline import geometry
from dentline.errors import DentlineError


@dataclass(frozen=True)
class Geometry:
    """The sizes the model was trained with, in pixels. Served only when they are this version's."""

    patch_px: int = geometry.PATCH_PX
    halo_px: int = geometry.HALO_PX
    field_px: int = geometry.FIELD_PX
    stride_px: int = geometry.STRIDE_PX


TOLERANCE = 1e-4
"""Most that a golden picture's answer may differ between training and serving, in 32-bit floats."""


@dataclass(frozen=True)
class Tried:
    """What was seen of a model in one precision when it was exported.

    Attributes:
        precision: ``fp32`` or ``int8``.
        ms_per_picture: CPU milliseconds a picture, in batches of eight, the precisions in turn.
        auc: on `n_judged` examples of the validation split.
        verdicts_changed: of these, against fp32. golden_lost: golden pictures whose verdict is not training's.
        largest_difference: of p from training's, on the golden pictures.
    """

    precision: str
    ms_per_picture: float
    auc: float
    n_judged: int
    verdicts_changed: int
    golden_lost: int
    largest_difference: float


@dataclass(frozen=True)
class Precision:
    """What runs the model, in which numbers, and why.

    Attributes:
        engine: ``onnxruntime``.
        name: ``fp32`` or ``int8``.
        tolerance: most that a golden picture's answer may differ from training's where the model is served.
        tried: what the choice rests on; empty where there was none.
    """

    engine: str = "onnxruntime"
    name: str = "fp32"
    tolerance: float = TOLERANCE
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True)
class Contract:
    """What a model promises.

    Attributes:
        task: as in the recipe: ``patch``, ``image`` or ``corners``.
        name: of the recipe: the part, as the dashboard shows it.
        model: ``scratch``, ``vgg16``, …
        run_id: the run that made it.
        threshold: p at or above it is a defect; chosen on the validation split.
        scan_threshold: p that a place of a whole photo must reach, chosen on the validation photos:
            thousands of places are looked at there, not one. None: the same threshold.
        source: where the places of a whole photo come from, a name of deployment.places.SOURCES; empty:
            its defects are the peaks of the scan that reach the threshold.
        n_proposals: most places of each source.
        calibration: slope and intercept on the logit that turn the score of a place of a whole photo
            into the probability that is answered; chosen on the validation photos.
        classes: the names of the verdicts below and from the threshold.
        prepare: the steps a photo goes through before the model (tasks image and corners).
        precision: the engine and the numbers it is served in, chosen when it was exported.
        weights: which pretrained weights went in, ``none`` for a model from scratch.
        created_at_utc: ``YYYY-MM-DDTHH:MM:SS``.
        code_version: of Dentline, when it was trained.
        data_fingerprint: SHA-256 of what it was trained on.
    """

    task: str
    name: str
    model: str
    run_id: str
    threshold: float
    weights: str
    created_at_utc: str
    code_version: str
    data_fingerprint: str
    scan_threshold: float | None = None
    source: str = ""
    n_proposals: int = 0
    calibration: tuple[float, float] = (1.0, 0.0)
    classes: tuple[str, str] = ("ok", "dent")
    prepare: tuple[str, ...] = ()
    geometry: Geometry = field(default_factory=Geometry)
    precision: Precision = field(default_factory=Precision)

    def __post_init__(self) -> None:
        for name, value in (("threshold", self.threshold), ("scan_threshold", self.scan_threshold)):
            if value is not None and not 0 <= value <= 1:
                raise DentlineError("contract", f"{name} is {value}", "it must be within 0 and 1")


def parse(path: Path, table: dict[str, Any]) -> Contract:
    """Return the contract that a table of contract.json says.

    Raises:
        DentlineError: naming the file: a field is missing or unknown, or the sizes are not this version's.
    """
    known = {f.name for f in fields(Contract)}
    table = {"precision": asdict(Precision()), **table}  # all bundles were fp32 before it was a choice
    if set(table) != known:
        raise DentlineError(
            str(path), f"has fields {sorted(set(table) ^ known)} too many or too few", "export it again"
        )
    sizes = Geometry(**table["geometry"])
    if sizes != Geometry():
        raise DentlineError(str(path), f"was trained with {sizes}, this version has {Geometry()}", "train again")
    precision = table["precision"]
    return Contract(
        **{
            **table,
            "precision": Precision(**{**precision, "tried": tuple(Tried(**one) for one in precision["tried"])}),
            "geometry": sizes,
            "classes": tuple(table["classes"]),
            "calibration": tuple(table["calibration"]),
            "prepare": tuple(table["prepare"]),
        }
    )
