"""Ways of doing one job side by side: checked to give the same answer, interleaved, as ratios of CPU time.

CPU seconds of the process and its children are counted, because a machine that others share makes wall
seconds a measure of the others. In each round every way runs once, in another order; a round gives one
ratio for each peer, and what is reported is their median with the middle half of them.
"""

import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np

PACKAGES = (
    *("numpy", "opencv-python-headless", "onnxruntime", "pillow", "simplejpeg", "duckdb", "pandas"),
    *("keras", "tensorflow-cpu", "albumentations", "scikit-learn"),
)
MIN_CPU_S = 0.02
"""A measurement is repeated inside itself until it takes so long: clocks tick in fractions of a millisecond."""


@dataclass(frozen=True)
class Way:
    """One way to do the job. `units` is how much of the job one call does (peers that are slow do less of it)."""

    name: str
    run: Callable[[], Any]
    units: float = 1.0


@dataclass(frozen=True)
class Stage:
    """A job, our way, and what a user would pick instead.

    Attributes:
        name: as in the results' file name.
        unit: what is counted, "patch", "photo".
        ours: our way.
        peers: the others, by which the ratio is at least `floors` says.
        same: checks every way's answer before anything is timed; raises ``AssertionError`` saying what differs.
        floors: least ratio of the peer's CPU time to ours, by the peer's name.
        limit: what bounds every way that does this job in fp32 with these libraries, as (what it is, a way); no floor.
        at_most_us: microseconds of CPU that a unit may take our way, where that is promised.
        clock: CPU seconds, but wall seconds where the job waits for a disk.
    """

    name: str
    unit: str
    ours: Way
    peers: tuple[Way, ...]
    same: Callable[[], None]
    floors: dict[str, float] = field(default_factory=dict)
    limit: tuple[str, Way] | None = None
    clock: Literal["cpu", "wall"] = "cpu"
    at_most_us: float | None = None


@dataclass(frozen=True)
class Ratio:
    """How many times more time a way takes than ours, by round: median and middle half.

    Attributes:
        us_per_unit: microseconds a unit of the way itself, the median.
        floor: what the ratio has to reach, or None.
    """

    name: str
    ratio: float
    low: float
    high: float
    us_per_unit: float
    n_rounds: int
    floor: float | None

    @property
    def holds(self) -> bool | None:
        """Whether the floor is reached; None where there is none."""
        return None if self.floor is None else self.ratio >= self.floor


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def measure(stage: Stage, n_rounds: int, rng: np.random.Generator) -> tuple[float, list[Ratio]]:
    """Check, then time `stage`; return our microseconds a unit, and each other way's ratio.

    Raises:
        AssertionError: a way gives another answer than the plain one.
    """
    stage.same()
    limit = () if stage.limit is None else (stage.limit[1],)
    ways = (stage.ours, *stage.peers, *limit)
    now = cpu_s if stage.clock == "cpu" else time.perf_counter
    repeats = [_repeats(way) for way in ways]
    spent = np.zeros((n_rounds, len(ways)))
    for row in spent:
        for k in rng.permutation(len(ways)):
            began = now()
            for _ in range(repeats[k]):
                ways[k].run()
            row[k] = (now() - began) / repeats[k] / ways[k].units
    found = []
    for k, way in enumerate(ways[1:], 1):
        ratios = spent[:, k] / spent[:, 0]
        low, middle, high = (float(v) for v in np.percentile(ratios, [25, 50, 75]))
        cost = float(np.median(spent[:, k])) * 1e6
        found.append(Ratio(way.name, middle, low, high, cost, n_rounds, stage.floors.get(way.name)))
    return float(np.median(spent[:, 0])) * 1e6, found


def result(stage: Stage, n_rounds: int, rng: np.random.Generator) -> dict[str, Any]:
    """Measure a stage; return what is written to its results file."""
    ours_us, ratios = measure(stage, n_rounds, rng)
    return {
        "stage": stage.name,
        "unit": stage.unit,
        "clock": stage.clock,
        "ours": {"name": stage.ours.name, "us_per_unit": ours_us, **_promised(ours_us, stage.at_most_us)},
        "ways": [vars(r) | {"holds": r.holds} for r in ratios],
        "limit": stage.limit[0] if stage.limit else None,
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine(),
    }


def _promised(us_per_unit: float, at_most_us: float | None) -> dict[str, Any]:
    return {} if at_most_us is None else {"at_most_us": at_most_us, "holds": us_per_unit <= at_most_us}


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, versions, commit, and how busy the machine was."""
    model = platform.processor()
    if os.path.exists("/proc/cpuinfo"):  # noqa: PTH110
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "n_cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "commit": _commit(),
        "load_1min": round(os.getloadavg()[0], 1),
    }


def same_arrays(first: Any, others: Sequence[tuple[str, Any]], tolerance: float = 0.0) -> None:
    """Raise AssertionError where an array differs from the first by more than `tolerance`, naming the way."""
    for name, other in others:
        assert np.shape(first) == np.shape(other), f"{name}: shape {np.shape(other)}, not {np.shape(first)}"
        off = float(np.abs(np.asarray(first, np.float64) - np.asarray(other, np.float64)).max(initial=0.0))
        assert off <= tolerance, f"{name}: differs by {off:g}, allowed are {tolerance:g}"


def _repeats(way: Way) -> int:
    """How often to call a way so that one measurement takes MIN_CPU_S; a quick way's cold call is not counted."""
    for _ in range(2):
        began = cpu_s()
        way.run()
        spent = cpu_s() - began
        if spent > 10 * MIN_CPU_S:
            break
    return max(1, round(MIN_CPU_S / max(spent, 1e-5)))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
