"""The job as data: recipe.toml read into frozen dataclasses, every field checked, none unknown."""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from dentline.errors import DentlineError
from dentline.options import dumps as dumps
from dentline.options import option, parse_as, read


@dataclass(frozen=True)
class Patches:
    """Where patches are cut. Their size is fixed by :mod:`dentline.geometry`."""

    negatives_per_photo: int = option(8, "random negatives cut from each photo", 1, 10_000)
    negative_distance_px: float = option(48.0, "least distance of a negative's centre from every dent", 1, 10_000)
    border_negatives: float = option(0.25, "share of the negatives taken at the photo's border", 0, 1)
    seed: int = option(0, "seed of the negatives' places", 0)


@dataclass(frozen=True)
class Split:
    """How groups of photos are dealt out."""

    train: float = option(0.6, "share of the groups to train on", 0.01, 0.98)
    validation: float = option(0.2, "share to choose the threshold and stop on", 0.01, 0.98)
    test: float = option(0.2, "share to report on", 0.01, 0.98)
    seed: int = option(0, "seed of the deal", 0)


@dataclass(frozen=True)
class Prepare:
    """What a photo goes through before a model of whole photos sees it (tasks image and corners)."""

    steps: tuple[str, ...] = option((), "steps in order, written as calls: see docs/prepare.md")


@dataclass(frozen=True)
class Augment:
    """What a patch becomes while a network trains."""

    variants: Literal["scaled", "dihedral48", "article", "none"] = option(
        "scaled",
        "any turn, mirrored or not, 1/1.8 to 1.8 times the size; 24 rotations by 15 degrees, each mirrored; "
        "the article's random transforms; or nothing",
    )
    edges: float = option(
        0.5, "share of the patches that end at an edge here and there, with something else beyond", 0, 1
    )
    flip: bool = option(False, "whole photos: mirror at random, left and right, up and down")
    turn_degrees: float = option(0.0, "whole photos: turn at random, up to this far either way", 0, 180)
    quarter_turns: bool = option(False, "whole photos: and by whole quarters of a turn")
    brightness: float = option(0.0, "whole photos: scale the light at random, up to this share", 0, 0.9)
    contrast: float = option(0.0, "whole photos: stretch about the mean at random, up to this share", 0, 0.9)
    noise: float = option(0.0, "whole photos: replace up to this share of the pixels at random", 0, 0.5)
    seed: int = option(0, "seed of the random transforms", 0)


Precision = Literal["fp32", "int8", "auto"]
"""The numbers a model is exported in; auto measures."""


@dataclass(frozen=True)
class Train:
    """Which models are trained, and how."""

    models: tuple[str, ...] = option(("scratch", "vgg16"), "models to train and compare")
    epochs: int = option(40, "most passes over the data", 1, 100_000)
    epoch_patches: int = option(1024, "least patches a pass; fewer are gone through again, as other variants", 1, 10**6)
    batch_size: int = option(64, "patches a step", 1, 65_536)
    learning_rate: float = option(2e-3, "peak rate of the optimiser", 1e-8, 10)
    patience: int = option(10, "epochs without a better validation loss before stopping", 1, 100_000)
    class_balance: Literal["weights", "variants", "none"] = option(
        "weights", "weigh the rarer class up; show varied copies of it more often (whole photos); or leave it"
    )
    schedule: Literal["constant", "cyclic", "cosine", "plateau"] = option(
        "cosine", "how the rate moves; plateau halves it when the validation loss stands still"
    )
    lowest_rate: float = option(4e-5, "the rate that a schedule comes down to, if the peak is higher", 0, 10)
    weight_decay: float = option(0.0, "L2 on the kernels, apart from the gradient, as AdamW has it", 0, 10)
    dropout: float = option(0.2, "share of activations dropped where a network drops any", 0, 0.95)
    loss: Literal["cross_entropy", "focal"] = option("cross_entropy", "what is minimised for verdicts")
    focal_gamma: float = option(2.0, "how little the focal loss counts what is easy", 0, 10)
    precision: Precision = option(
        "fp32", "numbers the model is served in; auto: 8-bit integers where they are faster and as good"
    )
    tensorboard: bool = option(False, "write logs for TensorBoard into the run")
    seed: int = option(0, "seed of weights and order", 0)


@dataclass(frozen=True)
class Vgg16:
    """The frozen VGG16 features and the linear classifier on them."""

    layers: tuple[str, ...] = option(("block2", "block3"), "activations taken, after their pooling")
    pools: tuple[str, ...] = option(("mean", "max", "centre"), "how each activation is pooled over the patch")
    weights: str = option("auto", "auto, imagenet, random, or a .npz or .h5 file")


@dataclass(frozen=True)
class Dashboard:
    """What the dashboard counts with."""

    cost_escape: float = option(200.0, "cost of a dent that passes", 0)
    cost_false_reject: float = option(5.0, "cost of a clean part that is rejected", 0)
    currency: str = option("EUR", "unit of the costs")
    drift_false_alarms: float = option(0.1, "false alarms to expect in 10,000 stable photos of a station", 1e-6, 100)
    time_zone: str = option("UTC", "the plant's clock, by which days and hours are told, as Europe/Berlin")
    station_time_zones: tuple[str, ...] = option((), 'stations with another clock, as "line 3 = America/Chicago"')
    shifts: tuple[str, ...] = option(
        ("early 06:00", "late 14:00", "night 22:00"), "the shifts of a day, each with the time it begins"
    )


@dataclass(frozen=True)
class Backbone:
    """Networks as models of whole photos, and what they begin with."""

    weights: Literal["imagenet", "random"] = option(
        "imagenet", "of networks known from ImageNet; one whose weights cannot be had is listed as not run"
    )
    start: str = option("", "a run of this project, or a network.npz, whose weights to begin with instead")
    learn: Literal["head", "all"] = option(
        "head",
        "head: the network stays frozen, a linear head learns on its features, computed once and kept; all: the "
        "network too, in stages at a small rate. A network that begins with nothing always learns whole",
    )
    pool: Literal["mean", "max", "both"] = option("mean", "how the features are pooled over the photo for the head")


@dataclass(frozen=True)
class Retrain:
    """What becomes of a model that was trained on feedback."""

    promote: Literal["never", "beyond_noise"] = option(
        "never", "never: only propose it; beyond_noise: promote it where its gain is beyond the noise"
    )


@dataclass(frozen=True)
class Scan:
    """How dents are found in whole photos by a model of patches."""

    models: tuple[str, ...] = option(
        ("scratch", "vgg16"), "of [train] models, those that look at whole photos; the others know patches alone"
    )
    proposals: int = option(16, "most places of a photo from each source; 0: photos are only scanned", 0, 1000)
    source: Literal["auto", "blobs", "scan", "both"] = option(
        "auto", "where places come from: blobs scored as patches, peaks of the scan, both; auto: the best on validation"
    )
    threshold: Literal["cost", "alarms"] = option(
        "cost", "what decides on a photo: the least expected cost, or the false alarms allowed"
    )
    alarms_per_photo: float = option(0.1, "alarms: how many the threshold may cost a validation photo", 0, 1000)
    hard_negatives: int = option(1, "rounds of training again with the false alarms in training photos", 0, 20)
    parts_per_day: float = option(1000.0, "parts a day, to say what a threshold costs with [dashboard]'s costs", 0)
    defect_rate: float = option(0.02, "share of them that is expected to be defective", 0, 1)


@dataclass(frozen=True)
class Recipe:
    """A whole job. Sections are tables of recipe.toml; a field left out has its default."""

    name: str = option("dents", "name of the part, as the dashboard shows it")
    task: Literal["patch", "image", "corners"] = option("patch", "what is learnt: patches, whole photos, or corners")
    patches: Patches = field(default_factory=Patches)
    split: Split = field(default_factory=Split)
    prepare: Prepare = field(default_factory=Prepare)
    augment: Augment = field(default_factory=Augment)
    train: Train = field(default_factory=Train)
    vgg16: Vgg16 = field(default_factory=Vgg16)
    backbone: Backbone = field(default_factory=Backbone)
    scan: Scan = field(default_factory=Scan)
    dashboard: Dashboard = field(default_factory=Dashboard)
    retrain: Retrain = field(default_factory=Retrain)


def load(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        DentlineError: the file cannot be read, is not TOML, or has an unknown or wrong field.
    """
    return parse(read(path), str(path))


def parse(table: dict[str, Any], where: str = "recipe.toml") -> Recipe:
    """Check a table as read from TOML and return the recipe it says.

    Raises:
        DentlineError: naming the section, the field, what was got and what is allowed.
    """
    recipe = parse_as(Recipe, table, where)
    shares = recipe.split.train + recipe.split.validation + recipe.split.test
    if abs(shares - 1) > 1e-6:
        raise DentlineError(f"{where}: [split]", f"train, validation and test sum to {shares:g}", "make them sum to 1")
    if recipe.prepare.steps:
        from dentline import prepare  # needs OpenCV, which a recipe without steps does not

        prepare.parse(recipe.prepare.steps, f"{where}: [prepare]")
    return recipe


assert all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(Recipe))
