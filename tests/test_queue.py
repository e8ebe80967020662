"""The queue: what it prefers, what it doubts, and when it says that marking more stops paying."""

from datetime import UTC, datetime

import numpy as np
import pytest

from labeling.annotation import Annotation, Center, Status
from labeling.learning_curve import forecast
from labeling.queue import Look, appearance, doubts, order, suggest


def look(photo_id: str, *p: float, appearance: float = 0.0) -> Look:
    xy = np.array([[100 + 100 * k, 100] for k in range(len(p))], np.float32).reshape(-1, 2)
    return Look(photo_id, xy, np.array(p, np.float32), np.array([appearance, 1], np.float32))


def saved(photo_id: str, *centers: tuple[float, float], status: Status | None = None) -> Annotation:
    marks = tuple(Center(x, y) for x, y in centers)
    said: Status = status or ("marked" if marks else "clean")
    return Annotation(photo_id, 1000, 1000, marks, said, "ann", 1, datetime(2026, 1, 1, tzinfo=UTC))


def ids(looks: list[Look], groups: dict[str, str], marked: list[str], n: int | None = None) -> list[str]:
    return [s.photo_id for s in suggest(looks, groups, marked, n)]


def test_likely_dents_come_first_and_marked_photos_never() -> None:
    looks = [look("quiet", 0.01), look("dent", 0.2, 0.97), look("doubt", 0.5), look("done", 0.99)]
    assert ids(looks, {}, ["done"]) == ["dent", "doubt", "quiet"]
    assert suggest(looks, {}, ["done"])[0].why == "likely a dent (p 0.97)"


def test_a_part_that_was_marked_waits_even_within_one_call() -> None:
    looks = [look("a1", 0.66), look("a2", 0.71), look("b1", 0.6), look("c1", 0.35)]
    groups = {"a1": "A", "a2": "A", "b1": "B"}
    assert ids(looks, groups, [], 3) == ["a1", "b1", "c1"]
    assert ids(looks, groups, ["a1"]) == ["b1", "c1", "a2"]


def test_a_dent_it_is_sure_of_teaches_less_than_a_likely_one_and_more_than_an_unlikely_one() -> None:
    looks = [look("sure", 0.999), look("likely", 0.75), look("unlikely", 0.05), look("none")]
    assert ids(looks, {}, []) == ["likely", "sure", "unlikely", "none"]
    guessed = [s.photo_id for s in suggest(looks, {}, [], guess=True)]
    assert guessed == ["sure", "likely", "unlikely", "none"], "who has learnt nothing here is sure of nothing"
    both = [look("one", 0.9), look("with a doubt beside", 0.9, 0.5)]
    assert ids(both, {}, []) == ["with a doubt beside", "one"]


def test_of_photos_alike_to_the_model_the_most_different_comes_first() -> None:
    looks = [look("seen", 0.1, appearance=0), look("like", 0.1, appearance=0.1), look("unlike", 0.1, appearance=9)]
    assert ids(looks, {}, ["seen"]) == ["unlike", "like"]


def test_the_threshold_is_where_doubt_lies() -> None:
    looks = [look("a", 0.3), look("b", 0.05)]
    assert suggest(looks, {}, [], threshold=0.1)[0].worth > suggest(looks, {}, [], threshold=0.6)[0].worth


def test_nothing_to_mark_and_no_proposals() -> None:
    assert suggest([], {}, []) == []
    assert suggest([look("a", 0.3)], {}, ["a"]) == []
    assert ids([look("a"), look("b", 0.2)], {}, []) == ["b", "a"]


def test_the_page_gets_all_its_photos_back_in_order() -> None:
    ranked = order([look("a", 0.1), look("b", 0.9), look("c", 0.5)], {})
    assert ranked(["a", "b", "c", "not scanned"], {"c": saved("c", status="skipped")}) == ["b", "a", "c", "not scanned"]


def test_doubts_name_what_was_missed_what_is_none_and_what_is_off_centre() -> None:
    scan = Look(
        "p",
        np.array([[100, 100], [300, 300], [512, 500]], np.float32),
        np.array([0.9, 0.2, 0.8], np.float32),
        np.ones(2),
    )
    found = doubts([scan], {"p": saved("p", (300, 301), (500, 500))})
    assert [(d.kind, d.x, d.y) for d in found] == [
        ("missed", 100, 100),
        ("no dent", 300, 301),
        ("off centre", 500, 500),
    ]
    assert found[2].distance_px == 12
    assert doubts([scan], {"p": saved("p", status="skipped")}) == []
    assert doubts([scan], {}) == []


def test_a_curve_that_rises_pays_and_a_flat_one_does_not() -> None:
    rng = np.random.default_rng(0)
    counts = np.arange(4, 57, 4)
    rising = forecast(counts, 0.9 - 1.2 * counts**-0.5 + rng.normal(0, 0.005, len(counts)), 20, rng)
    assert rising is not None and rising.pays
    assert rising.gain == pytest.approx(1.2 * (56**-0.5 - 76**-0.5), abs=0.005)
    flat = forecast(counts, np.where(counts < 20, 0.5, 0.9) + rng.normal(0, 0.001, len(counts)), 20, rng)
    level = forecast(counts + 100, 0.9 + rng.normal(0, 0.001, len(counts)), 20, rng)
    assert level is not None and not level.pays and "stopped paying" in level.says
    assert flat is not None and flat.gain > level.gain
    assert forecast(np.array([4, 4, 4, 8]), np.array([0.1, 0.2, 0.3, 0.4]), 20, rng) is None


@pytest.mark.parametrize("size", [(40, 60), (1, 1)])
def test_appearance_of_any_photo_is_finite(size: tuple[int, int]) -> None:
    assert np.isfinite(appearance(np.full((*size, 3), 7, np.uint8))).all()
