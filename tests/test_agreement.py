from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling import agreement
from labeling.agreement import DoubleReading, compare, disagreements, double_readings, measure
from labeling.annotation import Annotation, Center
from labeling.store import Store

PLACES = st.lists(st.builds(Center, st.integers(0, 60).map(float), st.integers(0, 60).map(float)), max_size=4)


def note(photo: str, *xy: tuple[float, float], who: str = "ann") -> Annotation:
    centers = tuple(Center(*p) for p in xy)
    when = datetime(2026, 11, 20, tzinfo=UTC)
    return Annotation(photo, 400, 300, centers, "marked" if xy else "clean", who, 0, when)


def reading(photo: str, first: list[tuple[float, float]], second: list[tuple[float, float]]) -> DoubleReading:
    return DoubleReading(note(photo, *first), note(photo, *second, who="bob"), settled=False)


@given(PLACES, PLACES)
def test_pairing_is_the_best_there_is(first: list[Center], second: list[Center]) -> None:
    found = compare(first, second)
    assert len(found.both) + len(found.only_first) == len(first)
    assert len(found.both) + len(found.only_second) == len(second)
    long, short = (first, second) if len(first) >= len(second) else (second, first)
    ways = []
    for order in permutations(long, len(short)):
        apart = [np.hypot(a.x - b.x, a.y - b.y) for a, b in zip(order, short, strict=True)]
        near = [d for d in apart if d <= agreement.WITHIN_PX]
        ways.append((len(near), -round(sum(near), 6)))
    total = sum(np.hypot(a.x - b.x, a.y - b.y) for a, b in found.both)
    assert (len(found.both), -round(total, 6)) == max(ways)


def test_figures_of_a_known_case() -> None:
    readings = [
        reading("a.jpg", [(10, 10), (100, 100)], [(13, 14)]),
        reading("b.jpg", [], []),
        reading("c.jpg", [(50, 50)], []),
        reading("d.jpg", [(50, 50)], [(50, 51)]),
    ]
    found = measure(readings, {}, np.random.default_rng(0))
    assert found.centers.value == pytest.approx(2 * 2 / 6)
    assert found.centers.n == 6
    assert found.photos.value == 3 / 4
    assert found.kappa.value == pytest.approx((3 / 4 - (3 / 4 * 2 / 4 + 1 / 4 * 2 / 4)) / (1 - 1 / 2))
    assert (found.apart_px.value, found.apart_px.n) == (1.0, 2)
    for value in (found.centers, found.photos, found.kappa, found.apart_px):
        assert value.low <= value.value <= value.high


def test_interval_is_over_parts_not_photos() -> None:
    """The same two parts seen twenty times are two things to learn from, not forty."""
    readings = [reading(f"{i}.jpg", [(10, 10)], [(10, 10)] if i % 2 else []) for i in range(40)]
    by_part = measure(readings, {f"{i}.jpg": str(i % 2) for i in range(40)}, np.random.default_rng(0)).centers
    by_photo = measure(readings, {}, np.random.default_rng(0)).centers
    assert by_part.high - by_part.low > 2 * (by_photo.high - by_photo.low)


def test_readings_come_from_the_log_and_a_later_save_settles(tmp_path: Path) -> None:
    with Store(tmp_path / "labels.db") as store:
        store.save(note("a.jpg", (10, 10)), 0)
        store.save(note("a.jpg", (200, 200), who="bob"), 0, reader="bob")
        store.save(note("b.jpg"), 0)
        store.save(note("b.jpg", (5, 5), who="bob"), 0, reader="bob")
        store.save(note("c.jpg", (5, 5), who="bob"), 0, reader="bob")
        found = double_readings(store.log())
        assert [(r.photo_id, r.settled) for r in found] == [("a.jpg", False), ("b.jpg", False)]
        before = measure(found, {}, np.random.default_rng(0))
        store.save(note("a.jpg", (200, 200), who="carl"), 1)
        again = double_readings(store.log())
        assert [(r.photo_id, r.settled) for r in again] == [("a.jpg", True), ("b.jpg", False)]
        after = measure(again, {}, np.random.default_rng(0))
        assert (after.centers, after.photos) == (before.centers, before.photos)
        assert [r.photo_id for r, _ in disagreements(again)] == ["b.jpg"]


def test_queue_begins_with_what_only_one_calls_dented() -> None:
    readings = [
        reading("same.jpg", [(10, 10)], [(12, 10)]),
        reading("one off.jpg", [(10, 10), (90, 90), (150, 150)], [(10, 10)]),
        reading("seen by one.jpg", [], [(10, 10)]),
    ]
    queue = disagreements(readings)
    assert [r.photo_id for r, _ in queue] == ["seen by one.jpg", "one off.jpg"]
    assert queue[1][1].only_first == (Center(90, 90), Center(150, 150))
