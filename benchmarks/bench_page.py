"""The page of the benchmarks: a bar for each way of each stage, our own way at 1. Opens without a network."""

import json
from html import escape
from math import log10
from pathlib import Path
from typing import Any

from dentline.files import write_text

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { font-size: 1.1rem; margin: 2rem 0 .3rem } small { color: #555 } svg { display: block; margin: .4rem 0 }
.bar { fill: #2c7fb8 } .ours { fill: #41ab5d } .limit { fill: #bbb } .missed { fill: #d95f02 }
.floor { stroke: #222; stroke-dasharray: 3 3 } text { font: 13px system-ui, sans-serif }
"""
_LEFT, _WIDE, _ROW = 230, 640, 26


def write(page: Path, folder: Path) -> None:
    """Write the page of every results file in `folder`."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    body = "\n".join(_stage(found) for found in results)
    write_text(
        page,
        f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Dentline beside its peers</title>
<style>{_STYLE}</style><h1>Every stage beside what else one would use</h1>
<p>Bars: times the cost of our way (green, 1), median over interleaved rounds, the line over a bar the middle half.
Grey: a limit, as the decoder or fp32 arithmetic alone.
Dashed: the least we ask of ourselves; orange: missed. The scale is logarithmic.</p>
{body}</html>
""",
    )


def _stage(found: dict[str, Any]) -> str:
    rows = [{"name": found["ours"]["name"], "ratio": 1.0, "low": 1.0, "high": 1.0, "floor": None, "holds": None}]
    rows += found["ways"]
    most = max(1.5, *(max(r["high"], r["floor"] or 0) for r in rows))
    least = min(0.5, *(r["low"] for r in rows))

    def x(ratio: float) -> float:
        share = (log10(max(ratio, 1e-6)) - log10(least)) / (log10(most) - log10(least))
        return _LEFT + (_WIDE - _LEFT) * max(0.0, share)

    parts = []
    for k, r in enumerate(rows):
        top = k * _ROW
        kind = (
            "ours"
            if k == 0
            else "limit"
            if r["name"] == found["limit"]
            else "bar"
            if r["holds"] is not False
            else "missed"
        )
        parts.append(f'<text x="0" y="{top + 17}">{escape(r["name"])}</text>')
        parts.append(
            f'<rect class="{kind}" x="{_LEFT}" y="{top + 4}" width="{x(r["ratio"]) - _LEFT:.1f}" height="16"/>'
        )
        parts.append(
            f'<line x1="{x(r["low"]):.1f}" x2="{x(r["high"]):.1f}" y1="{top + 12}" y2="{top + 12}" stroke="#222"/>'
        )
        if r["floor"]:
            at = x(r["floor"])
            parts.append(f'<line class="floor" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + 24}"/>')
        parts.append(f'<text x="{_WIDE + 10}" y="{top + 17}">{r["ratio"]:.2f}x</text>')
    machine = found["machine"]
    where = f"{machine['processor']}, {machine['n_cores']} cores, load {machine['load_1min']}"
    cost = f"{found['ours']['us_per_unit']:.1f} µs ({found['clock']}) a {found['unit']}"
    if "at_most_us" in found["ours"]:
        kept = "held" if found["ours"]["holds"] else "missed"
        cost += f", at most {found['ours']['at_most_us']:.0f} asked: {kept}"
    commit = (machine["commit"] or "unknown")[:9]
    return f"""<h2>{escape(found["stage"].replace("_", " "))}</h2>
<small>{escape(cost)}; {escape(where)}, commit {escape(commit)}</small>
<svg width="{_WIDE + 90}" height="{_ROW * len(rows)}" role="img">{"".join(parts)}</svg>"""
