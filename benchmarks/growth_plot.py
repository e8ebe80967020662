"""The plot of :mod:`benchmarks.growth` as an SVG: CPU a unit against the smallest size, and memory, by size."""

from pathlib import Path
from typing import Any

from benchmarks import svg

_COLOURS = ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d")
_STEPS = [step * 10**power for power in range(-1, 6) for step in (1, 2, 2.5, 5)]
_LEFT, _TOP, _WIDE, _HIGH, _GAP = 60, 40, 300, 240, 90


def write(path: Path, stages: dict[str, Any]) -> None:
    """Write the plot of the stages' points to `path`."""
    relative, memory = {}, {}
    for name, found in stages.items():
        points = found["points"]
        first = points[0]["cpu_s"] / points[0]["n"]
        relative[name] = [p["cpu_s"] / p["n"] / first for p in points]
        memory[name] = [max(p["mb"], 0.0) for p in points]
    parts = _panel("CPU a unit, of that at 1x (linear: stays 1)", _LEFT, relative, 2.0)
    parts += _panel("memory beyond the start, MB", _LEFT + _WIDE + _GAP, memory, 10.0)
    for number, name in enumerate(stages):
        x, y = _LEFT + 260 * (number % 3), _TOP + _HIGH + 56 + 20 * (number // 3)
        parts.append(svg.key(x, y, name, _COLOURS[number]))
    svg.write(path, 2 * _WIDE + _GAP + 2 * _LEFT, _TOP + _HIGH + 90, parts)


def _panel(title: str, left: float, lines: dict[str, list[float]], least_top: float) -> list[str]:
    most = max(least_top, *(max(values) for values in lines.values()))
    top = 4 * next(step for step in _STEPS if 4 * step >= most)
    parts = [svg.words(left, _TOP - 16, title, bold=True)]
    parts += [svg.rule(left, left + _WIDE, _TOP + _HIGH * (1 - k / 4), f"{top * k / 4:.3g}") for k in range(5)]
    for number, (_, values) in enumerate(lines.items()):
        xy = [
            (left + _WIDE * (0.1 + 0.8 * k / (len(values) - 1)), _TOP + _HIGH * (1 - value / top))
            for k, value in enumerate(values)
        ]
        parts.append(svg.curve(xy, _COLOURS[number]))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{_COLOURS[number]}"/>' for x, y in xy]
    for k, word in enumerate(("1x", "10x", "100x")):
        parts.append(svg.words(left + _WIDE * (0.1 + 0.4 * k), _TOP + _HIGH + 18, word, "middle"))
    return parts
