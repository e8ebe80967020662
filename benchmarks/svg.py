"""What our plots are drawn of, as SVG: ruled lines with numbers, curves, keys, words, and the file around them."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from dentline.files import write_text


def words(x: float, y: float, text: str, anchor: str = "start", bold: bool = False) -> str:
    """Return a text at a place; `anchor`: start, middle or end."""
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'


def rule(left: float, right: float, y: float, number: str) -> str:
    """Return a faint line across a plot, its number at the left."""
    line = f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>'
    return line + words(left - 7, y + 4, number, "end")


def curve(points: Iterable[tuple[float, float]], colour: str) -> str:
    """Return a line through points."""
    return f'<polyline points="{joined(points)}" fill="none" stroke="{colour}" stroke-width="2.5"/>'


def key(x: float, y: float, name: str, colour: str) -> str:
    """Return a patch of colour and what it stands for."""
    return f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="14" height="10" fill="{colour}"/>' + words(x + 20, y, name)


def joined(points: Iterable[tuple[float, float]]) -> str:
    """Return points as SVG lists them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def write(path: Path, width: float, height: float, parts: Iterable[str]) -> None:
    """Write a plot of parts on white."""
    size = f'width="{width:.0f}" height="{height:.0f}"'
    style = 'font-family="system-ui, sans-serif" font-size="13"'
    body = "\n".join(parts)
    write_text(
        path, f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n<rect {size} fill="#fff"/>\n{body}\n</svg>\n'
    )
