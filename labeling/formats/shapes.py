"""The centre of a shape that somebody drew around a dent."""

import math
from collections.abc import Sequence


def in_pixels(share: float, side: int) -> float:
    """Return where a share of a photo's side lies; the whole of it is the last place that is on the photo."""
    return min(share * side, math.nextafter(side, 0)) if share <= 1 else share * side


def middle_of_box(left: float, top: float, right: float, bottom: float) -> tuple[float, float]:
    """Return the middle of two opposite corners."""
    return (left + right) / 2, (top + bottom) / 2


def middle_of_polygon(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the centroid of the area; of a polygon without area, the mean of its corners."""
    x0, y0 = points[0]  # near the polygon, so that nothing is lost in the differences
    area = x = y = 0.0
    for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
        cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
        area += cross / 2
        x += (ax + bx - 2 * x0) * cross / 6
        y += (ay + by - 2 * y0) * cross / 6
    if abs(area) < 1e-9:
        return sum(px for px, _ in points) / len(points), sum(py for _, py in points) / len(points)
    return x0 + x / area, y0 + y / area
