"""report.html: the runs of one training side by side, in one file that opens without a network."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import jinja2
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.offline import get_plotlyjs

from dentline.files import write_text
from dentline.images import encode_png
from labeling.patches import PatchSet, middle
from training import photo_report
from training.compare import compare
from training.run import Run

METRICS = {
    "average_precision": "Average precision",
    "auc": "AUC",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
}

WORDS = {
    "patch": {"many": "patches", "bads": "dents", "bad": "dent", "good": "free", "missed": "missed dent"},
    "image": {"many": "photos", "bads": "defective", "bad": "defective", "good": "ok", "missed": "missed"},
}
"""Of each task: what is judged, and what its verdicts are called."""

COLOURS = ("#1f6feb", "#d9730d", "#2f9e44", "#9c36b5", "#c92a2a")
MOST_WRONG = 24


@dataclass(frozen=True)
class Mistake:
    """A test patch on the wrong side of the threshold; `picture` is a PNG, base64."""

    patch_id: str
    photo_id: str
    place: str
    is_dent: bool
    p: float
    picture: str


Show = Callable[[str], tuple[str, NDArray[np.uint8]]]
"""A sample's id to where it is and its picture, for what a run got wrong."""


def of_patches(patches: PatchSet) -> Show:
    """Show a patch by its place in the photo and its 64 x 64 px."""
    rows = {patch.patch_id: row for row, patch in enumerate(patches.patches)}

    def show(patch_id: str) -> tuple[str, NDArray[np.uint8]]:
        patch = patches.patches[rows[patch_id]]
        return f"({patch.x:.0f}, {patch.y:.0f})", middle(patches.contexts[rows[patch_id]])

    return show


def write(
    runs: list[Run],
    not_run: Mapping[str, str],
    show: Show,
    photos: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Write report.html of runs that share their test samples: one, of all of them, into the folder of each.

    Args:
        not_run: model to the reason it was not run.
        show: for the pictures of what they got wrong. photos: the file of each, for whole photos.
    """
    colours = {run.run_id: COLOURS[i % len(COLOURS)] for i, run in enumerate(runs)}
    template = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
    html = template.get_template("report.html").render(
        runs=runs,
        not_run=not_run,
        colours=colours,
        metrics=METRICS,
        words=WORDS[runs[0].record.task],
        differences=compare(runs) if len(runs) > 1 else [],
        roc=_curves(runs, colours, "roc", "False positive rate", "Recall"),
        pr=_curves(runs, colours, "pr", "Recall", "Precision"),
        loss=_losses(runs, colours),
        mistakes={run.run_id: mistakes(run, show) for run in runs},
        whole={run.run_id: photo_report.section(run, photos, _div) for run in runs if run.places},
        plotly=get_plotlyjs(),
    )
    for run in runs:
        write_text(run.folder / "report.html", html)


def mistakes(run: Run, show: Show) -> list[Mistake]:
    """Return the test samples a run got wrong, the most wrong first."""
    test = run.predictions.of("test")
    threshold = run.metrics["test"]["threshold"]
    wrong = np.flatnonzero((test.p >= threshold) != (test.label == 1))
    found = []
    for i in wrong[np.argsort(-np.abs(test.p[wrong] - threshold), kind="stable")][:MOST_WRONG]:
        sample = str(test.patch_id[i])
        place, pixels = show(sample)
        picture = base64.b64encode(encode_png(np.ascontiguousarray(pixels))).decode()
        found.append(Mistake(sample, str(test.photo_id[i]), place, bool(test.label[i] == 1), float(test.p[i]), picture))
    return found


def _curves(runs: list[Run], colours: Mapping[str, str], name: str, x: str, y: str) -> str:
    figure = go.Figure()
    for run in runs:
        curve = run.metrics["test"][name]
        line = {"color": colours[run.run_id], "shape": "hv" if name == "roc" else "vh"}
        figure.add_scatter(x=curve["x"], y=curve["y"], name=run.record.model, mode="lines", line=line)
    if name == "roc":
        chance = {"color": "#adb5bd", "dash": "dot", "width": 1}
        figure.add_scatter(x=[0, 1], y=[0, 1], line=chance, name="chance", showlegend=False, hoverinfo="skip")
    figure.update_xaxes(title=x, range=[-0.01, 1.01])
    figure.update_yaxes(title=y, range=[-0.01, 1.01])
    return _div(figure)


def _losses(runs: list[Run], colours: Mapping[str, str]) -> str:
    figure = go.Figure()
    for run in runs:
        for column, dash in (("loss", "dot"), ("val_loss", "solid")):
            if run.history and column in run.history[0]:
                figure.add_scatter(
                    x=[row["epoch"] for row in run.history],
                    y=[row[column] for row in run.history],
                    name=f"{run.record.model}, {'validation' if column == 'val_loss' else 'training'}",
                    line={"color": colours[run.run_id], "dash": dash},
                )
    if not figure.data:
        return ""
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title="Loss", rangemode="tozero")
    return _div(figure)


def _div(figure: go.Figure) -> str:
    figure.update_layout(
        template="plotly_white",
        height=380,
        margin={"l": 56, "r": 16, "t": 12, "b": 48},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "bgcolor": "rgba(0, 0, 0, 0)"},
        font={"family": "system-ui, sans-serif", "size": 13},
    )
    options = {"displayModeBar": False, "responsive": True}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=options))
