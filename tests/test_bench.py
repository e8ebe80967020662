"""The harness: refuses another answer, counts what ways cost, and tells a regression from noise."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_compare, bench_page
from benchmarks.harness import Stage, Way, measure, result, same_arrays
from benchmarks.stages import STAGES
from benchmarks.vgg_maps import patch_model
from deployment.engine import OnnxEngine
from deployment.scan import probabilities


def spin(n: int) -> int:
    return sum(range(n))


def stage(**changed: object) -> Stage:
    ours, slow = Way("ours", lambda: spin(20_000)), Way("slow", lambda: spin(200_000))
    plain = {"name": "s", "unit": "sum", "ours": ours, "peers": (slow,), "same": lambda: None, "floors": {"slow": 3}}
    return Stage(**(plain | changed))


def test_a_way_that_does_ten_times_the_work_costs_several_times_as_much_and_half_the_units_twice() -> None:
    rng = np.random.default_rng(0)
    _, (ratio,) = measure(stage(), 3, rng)
    assert 5 < ratio.ratio < 20 and ratio.low <= ratio.ratio <= ratio.high and ratio.holds
    _, (halved,) = measure(stage(peers=(Way("slow", lambda: spin(200_000), units=10),)), 3, rng)
    assert halved.ratio < 2 and halved.holds is False


def test_another_answer_is_refused_before_anything_is_timed() -> None:
    called: list[int] = []

    def same() -> None:
        same_arrays([1.0, 2.0], [("quick but wrong", [1.0, 2.5])], tolerance=0.1)

    with pytest.raises(AssertionError, match=r"quick but wrong: differs by 0\.5, allowed are 0\.1"):
        measure(stage(same=same, ours=Way("ours", lambda: called.append(1))), 1, np.random.default_rng(0))
    assert not called
    with pytest.raises(AssertionError, match="shape"):
        same_arrays([1.0], [("short", [])])


def written(folder: Path, ratio: float, spread: float) -> Path:
    found = result(stage(), 1, np.random.default_rng(0))
    found["ways"][0] |= {"ratio": ratio, "low": ratio - spread, "high": ratio + spread}
    folder.mkdir()
    (folder / "s.json").write_text(json.dumps(found))
    return folder


@pytest.mark.parametrize(
    ("before", "now", "spread", "slower"),
    [(10, 5, 0.5, True), (10, 9.5, 0.1, False), (10, 8, 2.0, False), (10, 20, 0.5, False)],
)
def test_only_a_fall_beyond_the_noise_is_a_regression(
    tmp_path: Path, before: float, now: float, spread: float, slower: bool
) -> None:
    old, new = written(tmp_path / "old", before, spread), written(tmp_path / "new", now, spread)
    (change,) = bench_compare.changes(new, old)
    assert change.slower is slower


def test_the_page_shows_every_way_and_what_was_missed(tmp_path: Path) -> None:
    folder = written(tmp_path / "r", 2.0, 0.1)
    found = json.loads((folder / "s.json").read_text())
    found["ways"][0]["holds"] = False
    (folder / "s.json").write_text(json.dumps(found))
    bench_page.write(folder / "index.html", folder)
    page = (folder / "index.html").read_text()
    assert 'class="missed"' in page and "2.00x" in page and found["machine"]["commit"][:9] in page


@pytest.mark.parametrize("name", ["reading", "score_rows"])
def test_every_way_of_a_stage_gives_the_plain_answer(name: str, tmp_path: Path) -> None:
    STAGES[name](tmp_path, np.random.default_rng(0)).same()


def test_the_model_that_is_timed_scans_as_it_scores_one_window() -> None:
    rng = np.random.default_rng(1)
    engine = OnnxEngine(patch_model(rng))
    photo = rng.integers(0, 256, (128, 136, 3), dtype=np.uint8)
    whole = probabilities(engine, photo)
    assert whole.shape == (17, 18) and whole.std() > 1e-3
    window = engine.run(photo[None, 8:120, 16:128])[0, 0, 0]  # centre (72, 64): row 8, column 9
    assert abs(whole[8, 9] - window) < 1e-4
