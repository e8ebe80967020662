"""The queue's learning curves as an SVG: average precision by photos marked, mean and 95 % interval over seeds."""

from pathlib import Path
from typing import Any

from benchmarks import svg

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

    parts = [svg.words(_LEFT, 14, title, bold=True)]
    for k in range(6):
        score, n = top * k / 5, most * k / 5
        parts.append(svg.rule(_LEFT, _LEFT + _WIDE, y(score), f"{score:.2f}"))
        parts.append(svg.words(x(n), _TOP + _HIGH + 18, f"{n:.0f}", "middle"))
    for number, (way, found) in enumerate(ways.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = list(zip(found["n_marked"], found["average_precision"], strict=True))
        edge = [(n, p["high"]) for n, p in points] + [(n, p["low"]) for n, p in reversed(points)]
        band = svg.joined((x(n), y(score)) for n, score in edge)
        parts.append(f'<polygon points="{band}" fill="{colour}" opacity=".18"/>')
        parts.append(svg.curve([(x(n), y(p["value"])) for n, p in points], colour))
        parts.append(svg.key(_LEFT + 330, _TOP + _HIGH - 60 + 18 * number, way, colour))
    parts.append(svg.words(_LEFT + _WIDE / 2, _TOP + _HIGH + 38, "photos marked", "middle"))
    svg.write(path, _LEFT + _WIDE + 30, _TOP + _HIGH + 50, parts)
