"""The job as data: recipe.toml read into frozen dataclasses, every field checked, none unknown."""

import difflib
import tomllib
import types
import typing
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from dentline.errors import DentlineError

Options = TypeVar("Options")


def option(default: Any, note: str, low: float | None = None, high: float | None = None) -> Any:
    """Declare a recipe field: its default, what it means, and the range it may lie in."""
    return field(default=default, metadata={"note": note, "low": low, "high": high})


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
    flip: bool = option(False, "whole photos: mirror at random, left and right, up and down")
    turn_degrees: float = option(0.0, "whole photos: turn at random, up to this far either way", 0, 180)
    quarter_turns: bool = option(False, "whole photos: and by whole quarters of a turn")
    brightness: float = option(0.0, "whole photos: scale the light at random, up to this share", 0, 0.9)
    contrast: float = option(0.0, "whole photos: stretch about the mean at random, up to this share", 0, 0.9)
    noise: float = option(0.0, "whole photos: replace up to this share of the pixels at random", 0, 0.5)
    seed: int = option(0, "seed of the random transforms", 0)


@dataclass(frozen=True)
class Train:
    """Which models are trained, and how."""

    models: tuple[str, ...] = option(("scratch", "vgg16"), "models to train and compare")
    epochs: int = option(40, "most passes over the data", 1, 100_000)
    batch_size: int = option(64, "patches a step", 1, 65_536)
    learning_rate: float = option(2e-3, "peak rate of the optimiser", 1e-8, 10)
    patience: int = option(10, "epochs without a better validation loss before stopping", 1, 100_000)
    class_balance: Literal["weights", "variants", "none"] = option(
        "weights", "weigh the rarer class up; show varied copies of it more often (whole photos); or leave it"
    )
    schedule: Literal["constant", "cyclic", "cosine", "plateau"] = option(
        "constant", "whole photos: how the rate moves; plateau halves it when the validation loss stands still"
    )
    lowest_rate: float = option(1e-6, "whole photos: the rate that a schedule comes down to", 0, 10)
    weight_decay: float = option(0.0, "whole photos: L2 on the kernels", 0, 10)
    dropout: float = option(0.5, "whole photos: share of activations dropped where a network drops any", 0, 0.95)
    loss: Literal["cross_entropy", "focal"] = option("cross_entropy", "whole photos: what is minimised for verdicts")
    focal_gamma: float = option(2.0, "whole photos: how little the focal loss counts what is easy", 0, 10)
    tensorboard: bool = option(False, "whole photos: write logs for TensorBoard into the run")
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


@dataclass(frozen=True)
class Backbone:
    """Networks known from ImageNet, as models of whole photos."""

    weights: Literal["imagenet", "random"] = option(
        "imagenet", "what they begin with; a network whose weights cannot be had is listed as not run"
    )
    learn: Literal["head", "all"] = option(
        "head", "a linear head on frozen features, computed once; then, for all, the network in stages at a small rate"
    )


@dataclass(frozen=True)
class Retrain:
    """What becomes of a model that was trained on feedback."""

    promote: Literal["never", "beyond_noise"] = option(
        "never", "never: only propose it; beyond_noise: promote it where its gain is beyond the noise"
    )


@dataclass(frozen=True)
class Scan:
    """How dents are found in whole photos by a model of patches."""

    proposals: int = option(15, "blobs of a photo that are scored as patches; 0: the peaks of the dense scan", 0, 1000)
    alarms_per_photo: float = option(0.1, "false alarms a validation photo that the threshold may cost", 0, 1000)
    hard_negatives: int = option(0, "rounds of training again with the false alarms in training photos", 0, 20)
    parts_per_day: float = option(1000.0, "photos a day, to say what a threshold costs with [dashboard]'s costs", 0)
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
    return parse(_read(path), str(path))


def load_as(kind: type[Options], path: Path) -> Options:
    """Read a file that holds the fields of one dataclass of options, checked as a recipe's are.

    Raises:
        DentlineError: as :func:`load`.
    """
    options: Options = _section(kind, _read(path), str(path))
    return options


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}") from error


def parse(table: dict[str, Any], where: str = "recipe.toml") -> Recipe:
    """Check a table as read from TOML and return the recipe it says.

    Raises:
        DentlineError: naming the section, the field, what was got and what is allowed.
    """
    recipe: Recipe = _section(Recipe, table, where)
    shares = recipe.split.train + recipe.split.validation + recipe.split.test
    if abs(shares - 1) > 1e-6:
        raise DentlineError(f"{where}: [split]", f"train, validation and test sum to {shares:g}", "make them sum to 1")
    if recipe.prepare.steps:
        from dentline import prepare  # needs OpenCV, which a recipe without steps does not

        prepare.parse(recipe.prepare.steps, f"{where}: [prepare]")
    return recipe


def dumps(recipe: Recipe) -> str:
    """Return the recipe as TOML, every field written out with its note."""
    return "\n".join(_lines(recipe, "")) + "\n"


def _lines(section: Any, prefix: str) -> list[str]:
    plain = [f for f in fields(section) if not is_dataclass(getattr(section, f.name))]
    lines = [f"{f.name} = {_toml(getattr(section, f.name))}  # {f.metadata['note']}" for f in plain]
    for f in fields(section):
        value = getattr(section, f.name)
        if is_dataclass(value):
            name = f"{prefix}{f.name}"
            lines += ["", f"[{name}]", *_lines(value, f"{name}.")]
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return repr(value)


def _section(kind: type, table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise DentlineError(where, f"is {table!r}, not a table")
    known = {f.name: f for f in fields(kind)}
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise DentlineError(
                where,
                f"unknown field {name!r}",
                f"did you mean {near[0]!r}?" if near else "known are: " + ", ".join(known),
            )
    hints = typing.get_type_hints(kind)
    values = {}
    for name, value in table.items():
        hint = hints[name]
        if is_dataclass(hint):
            values[name] = _section(typing.cast(type, hint), value, f"{where}: [{name}]")
        else:
            values[name] = _value(known[name], hint, value, f"{where}: {name}")
    return kind(**values)


def _value(declared: Field[Any], hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise DentlineError(where, f"is {value!r}", "allowed are: " + ", ".join(map(repr, allowed)))
        return value
    if origin is tuple:
        if not isinstance(value, list) or (not value and declared.default):
            raise DentlineError(where, f"is {value!r}", 'write a list, like ["a", "b"]')
        (inner, _) = typing.get_args(hint)
        return tuple(_value(declared, inner, v, where) for v in value)
    if origin in (typing.Union, types.UnionType):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise DentlineError(where, f"is {value!r}", f"write {_KINDS[hint]}")
    low, high = declared.metadata.get("low"), declared.metadata.get("high")
    if isinstance(value, int | float) and not _within(value, low, high):
        least = "" if low is None else f" at least {low:g}"
        most = "" if high is None else f" at most {high:g}"
        raise DentlineError(where, f"is {value}", f"it must be{least}{' and' if least and most else ''}{most}")
    return value


def _within(value: float, low: float | None, high: float | None) -> bool:
    return value == value and (low is None or value >= low) and (high is None or value <= high)


_KINDS = {int: "a whole number", float: "a number", str: 'a text in "quotes"', bool: "true or false"}

assert all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(Recipe))
