"""From a photo to what a model of whole photos takes: preparation steps a recipe names, in order.

A step is a pure function from one :class:`View` to the next. The recipe names steps as they would be
called (``"crop_centre(side_px=960)"``); training, the benchmarks and the one scorer run the same list.
Needs NumPy and OpenCV only.
"""

import ast
import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.centre_line import measures
from dentline.errors import DentlineError
from dentline.outline import Outline, find_part

Array = NDArray[Any]


class PrepareError(DentlineError):
    """A photo does not show what a step looks for: the photo is at fault, not the recipe."""


class Range(NamedTuple):
    """The values a step's parameter may take, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class View:
    """What a photo has become after some steps.

    Attributes:
        array: a picture (H, W, C) uint8 with C 1 or 3 (RGB), or measures (n,) float32 after a step
            that ends in numbers.
        to_photo: (3, 3) float64, takes (x, y, 1) in px of `array` to px of the photo; pixel (i, j)
            covers [j, j+1) x [i, i+1) in both.
    """

    array: Array
    to_photo: NDArray[np.float64]

    def points_to_photo(self, xy: Array) -> NDArray[np.float64]:
        """Return points (n, 2) of this view, in px of the photo."""
        return _mapped(self.to_photo, xy)

    def points_from_photo(self, xy: Array) -> NDArray[np.float64]:
        """Return points (n, 2) of the photo, in px of this view."""
        return _mapped(np.linalg.inv(self.to_photo), xy)


def _mapped(matrix: Array, xy: Array) -> NDArray[np.float64]:
    mapped: NDArray[np.float64] = np.hstack([np.asarray(xy, np.float64), np.ones((len(xy), 1))]) @ matrix.T
    return mapped[:, :2]


Pixels = Annotated[int, Range(1, 20_000)]


def grey(view: View) -> View:
    """One channel: ITU-R 601 luma of RGB; a grey picture stays as it is."""
    if view.array.shape[2] == 1:
        return view
    return replace(view, array=cv2.cvtColor(view.array, cv2.COLOR_RGB2GRAY)[:, :, None])


def rgb(view: View) -> View:
    """Three channels: a grey picture thrice; RGB stays as it is."""
    if view.array.shape[2] == 3:
        return view
    return replace(view, array=np.repeat(view.array, 3, axis=2))


def crop_centre(view: View, *, side_px: Pixels) -> View:
    """The square of `side_px` in the middle, or as much of it as the picture has."""
    height, width = view.array.shape[:2]
    return _crop(view, (width - side_px) // 2, (height - side_px) // 2, side_px)


def crop_bright(view: View, *, side_px: Pixels, below_maximum: Annotated[int, Range(0, 255)] = 32) -> View:
    """The square of `side_px` around the centre of mass of the brightest pixels, kept inside the picture.

    Bright is brighter than the picture's maximum less `below_maximum`. This is the nail article's way
    to find the nail; a strip brighter than the part draws it away (see :func:`upright`).
    """
    luma = grey(view).array[:, :, 0]
    rows, columns = np.nonzero(luma >= int(luma.max()) - below_maximum)
    x, y = round(float(columns.mean())), round(float(rows.mean()))
    height, width = luma.shape
    left = min(max(x - side_px // 2, 0), max(width - side_px, 0))
    top = min(max(y - side_px // 2, 0), max(height - side_px, 0))
    return _crop(view, left, top, side_px)


def resize(view: View, *, width_px: Pixels, height_px: Pixels) -> View:
    """The whole picture at another size: by area when shrinking, bilinear when growing."""
    height, width = view.array.shape[:2]
    shrinks = width_px <= width and height_px <= height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    array = cv2.resize(view.array, (width_px, height_px), interpolation=method)
    return _moved(view, array, np.array([[width / width_px, 0, 0], [0, height / height_px, 0], [0, 0, 1.0]]))


def clahe(
    view: View, *, clip: Annotated[float, Range(0.1, 100)] = 2.0, tiles: Annotated[int, Range(1, 64)] = 8
) -> View:
    """Contrast-limited adaptive histogram equalisation; of RGB, the lightness alone."""
    equalise = cv2.createCLAHE(clipLimit=clip, tileGridSize=(tiles, tiles)).apply
    if view.array.shape[2] == 1:
        return replace(view, array=equalise(np.ascontiguousarray(view.array[:, :, 0]))[:, :, None])
    lab = cv2.cvtColor(view.array, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = equalise(np.ascontiguousarray(lab[:, :, 0]))
    return replace(view, array=cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def upright(
    view: View,
    *,
    length_px: Annotated[int, Range(16, 4096)] = 160,
    height_px: Annotated[int, Range(16, 4096)] = 96,
    margin: Annotated[float, Range(0, 0.4)] = 0.1,
) -> View:
    """The one part in the picture, turned so that it lies along the rows, in `height_px` x `length_px`.

    The part is what differs most from its surroundings and does not touch the picture's border (a bright
    strip along the border is not it). Its principal axis becomes the row direction and its extent along
    that axis fills the length but for `margin` at each end.

    Raises:
        PrepareError: nothing stands out from the background.
    """
    outline = find_part(grey(view).array[:, :, 0])
    if outline is None:
        raise PrepareError(
            "photo", "no part stands out from the background", "photograph one part alone on an even background"
        )
    to_view = _upright_matrix(outline, length_px, height_px, margin)
    # warpAffine counts pixel centres from 0, to_photo counts pixel corners from 0.
    half = np.array([[1.0, 0, 0.5], [0, 1.0, 0.5], [0, 0, 1.0]])
    at_centres = np.linalg.inv(half) @ to_view @ half
    array = cv2.warpAffine(
        view.array,
        at_centres[:2],
        (length_px, height_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return _moved(view, array, to_view)


def centre_line(view: View, *, margin: Annotated[float, Range(0, 0.4)] = 0.1) -> View:
    """Measures of how straight an upright part is: bow, kink and wave, in percent of its length.

    Takes the picture :func:`upright` made with the same `margin`; see
    :func:`dentline.centre_line.measures`.
    """
    return replace(view, array=measures(grey(view).array[:, :, 0], margin))


Step = Callable[..., View]
STEPS: dict[str, Step] = {
    step.__name__: step for step in (grey, rgb, crop_centre, crop_bright, resize, clahe, upright, centre_line)
}
"""Every step a recipe can name."""


@dataclass(frozen=True)
class Call:
    """One step with its parameters, as a recipe names it."""

    name: str
    parameters: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.parameters)})"

    def __call__(self, view: View) -> View:
        return STEPS[self.name](view, **dict(self.parameters))


def parse(steps: Sequence[str], where: str = "recipe.toml: [prepare]") -> tuple[Call, ...]:
    """Read the steps of a recipe.

    Raises:
        DentlineError: naming the step or parameter that is unknown or out of its range.
    """
    return tuple(_parse_one(text, f"{where} {text!r}") for text in steps)


def least_size(calls: Sequence[Call]) -> tuple[int, int] | None:
    """Return the width and height in pixels that a photo may be decoded down to before these steps.

    Twice what a first `resize` makes of it; None where the steps begin otherwise and need every pixel.
    """
    if not calls or calls[0].name != "resize":
        return None
    size = dict(calls[0].parameters)
    return int(2 * size["width_px"]), int(2 * size["height_px"])


def prepare(photo: Array, calls: Sequence[Call]) -> View:
    """Run the steps on a photo (H, W, 3) uint8 RGB.

    Raises:
        PrepareError: the photo does not show what a step looks for.
    """
    return trace(photo, calls)[-1]


def trace(photo: Array, calls: Sequence[Call]) -> list[View]:
    """Return the photo as it is and after each step."""
    views = [View(photo, np.eye(3))]
    for call in calls:
        if views[-1].array.ndim != 3:
            raise DentlineError("recipe.toml: [prepare]", f"{call.name} comes after a step that ends in numbers")
        views.append(call(views[-1]))
    return views


def _parse_one(text: str, where: str) -> Call:
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            node = ast.Call(func=node, args=[], keywords=[])
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args
        given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (SyntaxError, ValueError, AssertionError):
        raise DentlineError(where, "is not a step", 'write it like "resize(width_px=112, height_px=112)"') from None
    name = node.func.id
    if name not in STEPS:
        near = difflib.get_close_matches(name, STEPS, 1)
        raise DentlineError(
            where, f"unknown step {name!r}", f"did you mean {near[0]!r}?" if near else "known are: " + ", ".join(STEPS)
        )
    declared = {p.name: p for p in inspect.signature(STEPS[name]).parameters.values() if p.kind is p.KEYWORD_ONLY}
    hints = get_type_hints(STEPS[name], include_extras=True)
    for parameter, value in given.items():
        if parameter not in declared:
            raise DentlineError(where, f"unknown parameter {parameter!r}", "known are: " + ", ".join(declared))
        kind, allowed = get_args(hints[parameter])
        fits = isinstance(value, int | float if kind is float else int) and not isinstance(value, bool)
        if not fits or not allowed.low <= value <= allowed.high:
            noun = "a number" if kind is float else "a whole number"
            raise DentlineError(
                where, f"{parameter} is {value!r}", f"write {noun} from {allowed.low:g} to {allowed.high:g}"
            )
    missing = [p.name for p in declared.values() if p.default is p.empty and p.name not in given]
    if missing:
        raise DentlineError(where, f"{missing[0]} is missing", f"write {name}({missing[0]}=...)")
    return Call(name, tuple(given.items()))


def _crop(view: View, left: int, top: int, side_px: int) -> View:
    height, width = view.array.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    array = view.array[y0 : min(top + side_px, height), x0 : min(left + side_px, width)]
    return _moved(view, array, np.array([[1.0, 0, x0], [0, 1.0, y0], [0, 0, 1.0]]))


def _moved(view: View, array: Array, to_view: NDArray[np.float64]) -> View:
    """Return the new picture, which `to_view` takes to px of `view`, with its channel axis kept."""
    if array.ndim == 2:
        array = array[:, :, None]
    return View(array, view.to_photo @ to_view)


def _upright_matrix(outline: Outline, length_px: int, height_px: int, margin: float) -> NDArray[np.float64]:
    """Return what takes px of the upright picture to px of the picture the outline was found in."""
    scale = outline.length_px / (length_px * (1 - 2 * margin))
    (ax, ay), (cx, cy) = outline.axis, outline.middle
    turn = scale * np.array([[ax, -ay], [ay, ax]])
    shift = np.array([cx, cy]) - turn @ np.array([length_px / 2, height_px / 2])
    return np.vstack([np.hstack([turn, shift[:, None]]), [0, 0, 1.0]])
