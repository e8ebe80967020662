"""The queue's learning curves as an SVG: average precision by photos marked, mean and 95 % interval over seeds."""

from html import escape
from pathlib import Path
from typing import Any

from dentline.files import write_text

_COLOURS = ("#999999", "#f1a340", "#2c7fb8")
_LEFT, _TOP, _WIDE, _HIGH = 60, 20, 560, 300


def write(path: Path, result: dict[str, Any], title: str) -> None:
    """Write the plot of a result of :mod:`benchmarks.queue` to `path`."""
    ways = result["ways"]
    most = max(max(found["n_marked"]) for found in ways.values())
    top = max(point["high"] for found in ways.values() for point in found["average_precision"]) * 1.05

    def x(n: float) -> float:
        return float(_LEFT + _WIDE * n / most)

    def y(score: float) -> float:
        return float(_TOP + _HIGH * (1 - score / top))

    parts = [f'<text x="{_LEFT}" y="14" font-weight="600">{escape(title)}</text>']
    for k in range(6):
        score, n = top * k / 5, most * k / 5
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + _WIDE}" y1="{y(score):.1f}" y2="{y(score):.1f}" stroke="#eee"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(score) + 4:.1f}" text-anchor="end">{score:.2f}</text>')
        parts.append(f'<text x="{x(n):.1f}" y="{_TOP + _HIGH + 18}" text-anchor="middle">{n:.0f}</text>')
    for number, (way, found) in enumerate(ways.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = list(zip(found["n_marked"], found["average_precision"], strict=True))
        edge = [(n, p["high"]) for n, p in points] + [(n, p["low"]) for n, p in reversed(points)]
        parts.append(f'<polygon points="{_points(edge, x, y)}" fill="{colour}" opacity=".18"/>')
        middle = _points([(n, p["value"]) for n, p in points], x, y)
        parts.append(f'<polyline points="{middle}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        at = _TOP + _HIGH - 60 + 18 * number
        parts.append(f'<rect x="{_LEFT + 330}" y="{at - 10}" width="14" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + 350}" y="{at}">{escape(way)}</text>')
    parts.append(f'<text x="{_LEFT + _WIDE / 2}" y="{_TOP + _HIGH + 38}" text-anchor="middle">photos marked</text>')
    size = f'width="{_LEFT + _WIDE + 30}" height="{_TOP + _HIGH + 50}"'
    style = 'font-family="system-ui, sans-serif" font-size="13"'
    body = "\n".join(parts)
    write_text(
        path, f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n<rect {size} fill="#fff"/>\n{body}\n</svg>\n'
    )


def _points(pairs: list[tuple[float, float]], x: Any, y: Any) -> str:
    return " ".join(f"{x(n):.1f},{y(score):.1f}" for n, score in pairs)
