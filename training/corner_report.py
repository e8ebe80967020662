"""report.html of a run that finds corners: the errors, the loss, marked and found fields on test photos."""

import base64
import csv
import json
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from dentline.files import write_text
from dentline.images import encode_png
from training.pictures import Pictures

N_SHOWN = 24
SIDE_PX = 240
MARKED, FOUND = (0, 150, 70), (220, 40, 40)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }}</title>
<style>
  body { margin: 0 auto; max-width: 1080px; padding: 24px 16px 64px; font: 15px/1.5 system-ui, sans-serif; }
  table { border-collapse: collapse; } th, td { text-align: left; padding: 6px 14px 6px 0; }
  .soft { color: #667080; } .photos { display: flex; flex-wrap: wrap; gap: 12px; } figure { margin: 0; }
  figcaption { font-size: 12px; max-width: 240px; overflow-wrap: anywhere; } svg { max-width: 100%; height: auto; }
</style></head><body>
<h1>{{ name }}</h1>
<h2>How far off, on {{ test.n }} test photos</h2>
<table><tr><th>Measure</th><th>Value</th><th>95 % interval, bootstrap over groups</th></tr>
{% for measure, v in values.items() %}<tr><td>{{ measure.replace("_", " ") }}</td>
<td>{{ "%.3f" | format(v.value) }}</td>
<td>{{ "%.3f" | format(v.low) }} to {{ "%.3f" | format(v.high) }}</td></tr>{% endfor %}</table>
{% if curves %}<h2>Loss (mean absolute error, share of the picture; logarithmic)</h2>
<svg viewBox="0 0 640 220" width="640" role="img" aria-label="loss by epoch">
<polyline fill="none" stroke="#667080" stroke-dasharray="4 3" points="{{ curves[0] }}"/>
<polyline fill="none" stroke="#1f6feb" stroke-width="2" points="{{ curves[1] }}"/></svg>
<p class="soft">dashed: training; solid: validation; {{ n_epochs }} epochs, from {{ "%.4f" | format(high) }} (top)
to {{ "%.4f" | format(low) }} (bottom)</p>{% endif %}
<h2>Test photos, the worst first: marked <span style="color:#009646">green</span>,
found <span style="color:#dc2828">red</span></h2>
<div class="photos">{% for photo in photos %}<figure><img alt="" src="data:image/png;base64,{{ photo.png }}">
<figcaption>{{ photo.photo_id }}: {{ "%.2f" | format(photo.error_px) }} px</figcaption></figure>{% endfor %}</div>
</body></html>
"""


def write(folder: Path, test: Pictures) -> None:
    """Write `folder`/report.html from the run's own files and the prepared test photos."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["test"]
    rows = _rows(folder / "predictions.csv")
    history = _rows(folder / "history.csv")
    index = {photo_id: i for i, photo_id in enumerate(test.photo_id.tolist())}
    places: dict[str, list[list[float]]] = {}
    for row in rows:
        if row["split"] == "test":
            numbers = [float(row[name]) for name in ("x", "y", "found_x", "found_y", "error_px")]
            places.setdefault(row["photo_id"], []).append(numbers)
    worst = sorted(places, key=lambda photo_id: -max(p[4] for p in places[photo_id]))[:N_SHOWN]
    losses = np.array([[float(row["loss"]), float(row["val_loss"])] for row in history]).reshape(-1, 2)
    html = (
        jinja2.Environment(autoescape=True)
        .from_string(_PAGE)
        .render(
            name=folder.name,
            test=metrics,
            values={name: v for name, v in metrics.items() if isinstance(v, dict)},
            curves=_polylines(losses),
            n_epochs=len(losses),
            high=losses.max(initial=0),
            low=losses.min(initial=1),
            photos=[
                {
                    "photo_id": photo_id,
                    "error_px": max(p[4] for p in places[photo_id]),
                    "png": base64.b64encode(
                        encode_png(drawn(test.inputs[index[photo_id]], np.array(places[photo_id])))
                    ).decode(),
                }
                for photo_id in worst
            ],
        )
    )
    write_text(folder / "report.html", html)


def drawn(picture: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return a picture (H, W, C) with the marked and the found field on it; `places` (4, >= 4): x, y, found x, y."""
    rgb = picture if picture.shape[2] == 3 else np.repeat(picture, 3, axis=2)
    scale = SIDE_PX / max(rgb.shape[:2])
    large = np.ascontiguousarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)
    size = np.array([large.shape[1], large.shape[0]])
    for columns, colour in ((slice(0, 2), MARKED), (slice(2, 4), FOUND)):
        corners = np.rint(places[:, columns] * size * 16).astype(np.int32)
        cv2.polylines(large, [corners], True, colour, 1, cv2.LINE_AA, 4)
    return large


def _polylines(losses: NDArray[np.float64]) -> list[str]:
    if len(losses) < 2:
        return []
    logs = np.log(losses + 1e-9)
    across = 10 + 620 * np.arange(len(logs)) / (len(logs) - 1)
    down = 10 + 200 * (logs.max() - logs) / max(float(np.ptp(logs)), 1e-9)
    return [" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down[:, i], strict=True)) for i in (0, 1)]


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
