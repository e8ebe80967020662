"""The report's part on whole photos: curves, money, and photos with what was found and what was missed."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dentline import images
from dentline.geometry import FIELD_PX
from deployment import bundle
from deployment import cam as grad_cam
from deployment.scorer import Scorer
from labeling.patches import cut_contexts
from training.run import Run

MOST_WRONG = 8
MOST_RIGHT = 3
"""Of the rightly judged photos, dented ones and clean ones each, every one of another part."""

_WIDE_PX = 480
_MARK, _FOUND, _ALARM = (47, 158, 68), (31, 111, 235), (224, 49, 49)
_RING_PX = 20


@dataclass(frozen=True)
class Picture:
    """A test photo under its scan, with its marks and places; pictures are PNG in base64.

    Attributes:
        why: the surest place under Grad-CAM; empty where the model has none.
    """

    photo_id: str
    group: str
    said: str
    p: float
    png: str
    why: str
    is_wrong: bool


@dataclass(frozen=True)
class Section:
    """What the report shows of one run's whole photos; the curves are plotly's HTML."""

    froc: str
    money: str
    trust: str
    wrong: list[Picture]
    right: list[Picture]
    n_wrong: int


def section(run: Run, photos: Mapping[str, Path], div: Any) -> Section:
    """Draw a run that looked at whole photos.

    Args:
        photos: the file of each photo; one that is gone is left out of the pictures.
        div: a figure to its HTML.
    """
    test = run.places["test"]
    scorer = Scorer(bundle.load(run.folder / "bundle"))
    scorer.setup()
    told = [_Judged.of(one, test["threshold"]) for one in test["each"] if one["photo_id"] in photos]
    wrong = sorted((one for one in told if one.is_wrong), key=lambda one: -one.p)
    dented = [one for one in told if not one.is_wrong and len(one.centers)]
    dented.sort(key=lambda one: -min(len(one.centers), len(one.sure)))
    clean = [one for one in told if not one.is_wrong and not len(one.centers)]

    def shown(some: list[_Judged]) -> list[Picture]:
        return [_picture(one, images.read(photos[one.photo_id]), scorer) for one in some]

    return Section(
        div(_froc(test["froc"])),
        div(_money(run.places["cost"])),
        div(_trust(run.places["trust"])),
        shown(wrong[:MOST_WRONG]),
        shown(_of_each_part(dented)[:MOST_RIGHT] + _of_each_part(clean)[:MOST_RIGHT]),
        len(wrong),
    )


@dataclass(frozen=True)
class _Judged:
    photo_id: str
    group: str
    centers: NDArray[np.float64]
    sure: NDArray[np.float64]
    p: float

    @classmethod
    def of(cls, photo: Mapping[str, Any], threshold: float) -> "_Judged":
        found = np.array(photo["found"], float).reshape(-1, 3)
        return cls(
            photo["photo_id"],
            photo["group"],
            np.array(photo["centers"], float).reshape(-1, 2),
            found[found[:, 2] >= threshold],
            float(found[:, 2].max(initial=0)),
        )

    @property
    def is_wrong(self) -> bool:
        return (len(self.sure) > 0) != (len(self.centers) > 0)

    @property
    def said(self) -> str:
        if not len(self.centers):
            return "false alarm: a clean photo called defective" if self.is_wrong else "clean, called ok"
        if self.is_wrong:
            return "missed: called ok"
        return f"called defective: {len(self.sure)} places called, {len(self.centers)} marked"


def _of_each_part(photos: list[_Judged]) -> list[_Judged]:
    """Return the first photo of each part, in their order."""
    first: dict[str, _Judged] = {}
    for photo in photos:
        first.setdefault(photo.group, photo)
    return list(first.values())


def _picture(one: _Judged, photo: NDArray[np.uint8], scorer: Scorer) -> Picture:
    prediction = scorer.predict(photo)
    made = drawn(grad_cam.heat_drawn(photo, prediction), one.centers, one.sure)
    why = ""
    if scorer.has_cam:
        found = grad_cam.cam(scorer, photo, prediction)
        near = cut_contexts(grad_cam.drawn(photo, found), found.corners_xy.mean(axis=0)[None], FIELD_PX)[0][0]
        why = _png(near)
    return Picture(one.photo_id, one.group, one.said, one.p, _png(made), why, one.is_wrong)


def _png(pixels: NDArray[np.uint8]) -> str:
    return base64.b64encode(images.encode_png(np.ascontiguousarray(pixels))).decode()


def drawn(photo: NDArray[np.uint8], centers: NDArray[Any], found: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a photo at most 480 px wide: marks as green rings, places called as squares with their p.

    Args:
        centers: (n, 2). found: (m, 3) x, y and p; a square is blue where a mark lies within 16 px, else red.
    """
    scale = min(1.0, _WIDE_PX / photo.shape[1])
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    made = np.ascontiguousarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    for x, y in centers:
        cv2.circle(made, (round(x * scale), round(y * scale)), _RING_PX, _MARK, 2, cv2.LINE_AA)
    for x, y, p in found:
        near = len(centers) > 0 and np.hypot(*(centers - (x, y)).T).min() <= 16
        colour = _FOUND if near else _ALARM
        at = round(x * scale), round(y * scale)
        corner = (at[0] - 12, at[1] - 12), (at[0] + 12, at[1] + 12)
        cv2.rectangle(made, *corner, colour, 2)
        text = min(max(at[0] - 12, 2), size[0] - 36), at[1] - 17 if at[1] > 34 else at[1] + 28
        cv2.putText(made, f"{p:.2f}", text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(made, f"{p:.2f}", text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return made


def _froc(curve: Mapping[str, Any]) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(x=curve["x"], y=curve["y"], mode="lines", line={"shape": "hv", "color": "#1f6feb"})
    figure.add_vline(x=0.1, line={"dash": "dot", "color": "#adb5bd"})
    most = min(max(1.0, min(curve["x"][-1], 3.0)), 3.0)
    figure.update_xaxes(title="False alarms a photo", range=[-0.02, most])
    figure.update_yaxes(title="Share of the dents found", range=[-0.01, 1.02])
    figure.update_layout(showlegend=False)
    return figure


def _money(cost: Mapping[str, Any]) -> go.Figure:
    figure = go.Figure()
    chosen = cost["threshold"]
    figure.add_vrect(x0=chosen["low"], x1=chosen["high"], fillcolor="#1f6feb", opacity=0.12, line_width=0)
    figure.add_vline(x=chosen["value"], line={"color": "#1f6feb"})
    figure.add_scatter(x=cost["curve"]["x"], y=cost["curve"]["y"], mode="lines", line={"color": "#d9730d"})
    figure.update_xaxes(title="Threshold on the calibrated probability", range=[-0.01, 1.01])
    figure.update_yaxes(title=f"Expected cost a day, {cost['currency']}", rangemode="tozero")
    figure.update_layout(showlegend=False)
    return figure


def _trust(trust: Mapping[str, Any]) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "#adb5bd"}, showlegend=False)
    for name, colour in (("before", "#adb5bd"), ("after", "#1f6feb")):
        one = trust[name]
        figure.add_scatter(
            x=one["mean"],
            y=one["share"],
            text=[f"{n} photos" for n in one["n"]],
            mode="lines+markers",
            marker={"size": [6 + 3 * n**0.5 for n in one["n"]]},
            line={"color": colour},
            name=f"{name}: Brier {one['brier']:.3f}",
        )
    figure.update_xaxes(title="Probability answered", range=[-0.02, 1.02])
    figure.update_yaxes(title="Share that was dented", range=[-0.02, 1.1])
    return figure
