"""What the tests of the page know of the photos, and how near a click comes."""

import numpy as np

from labeling.annotation import Annotation

PHOTO = "part-000.jpg"


def near(annotation: Annotation, *points: tuple[float, float], within_px: float = 0.6) -> bool:
    """Whether the centres are where they were clicked: a screen pixel is under 0.6 photo pixels here."""
    pairs = zip(annotation.centers, points, strict=True)
    return all(abs(center.x - x) <= within_px and abs(center.y - y) <= within_px for center, (x, y) in pairs)


def spots(n: int) -> list[tuple[float, float]]:
    """Where make_project put the spots of its first photo."""
    rng = np.random.default_rng(0)
    rng.normal(130, 5, (300, 400))
    return [(float(x), float(y)) for x, y in rng.uniform([40, 40], [360, 260], (3, 2))[:n]]
