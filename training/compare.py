"""Two runs on the same test patches: which is better, and whether that is more than noise."""

from dataclasses import dataclass

import numpy as np

from dentline import intervals
from dentline.errors import DentlineError
from dentline.intervals import Value
from training import metrics
from training.run import Run

MEASURES = {**metrics.RANKED, **metrics.DECIDED}


@dataclass(frozen=True)
class Difference:
    """How much more `better` reaches than `worse` in one metric, resampled together by group."""

    metric: str
    better: str
    worse: str
    value: Value

    @property
    def beyond_noise(self) -> bool:
        """Whether the 95 % interval lies above zero."""
        return self.value.low > 0


def compare(runs: list[Run], metric: str = "average_precision", seed: int = 0) -> list[Difference]:
    """Return the best run's lead over each other on the test split, largest lead last.

    Raises:
        DentlineError: the runs were not judged on the same test patches.
    """
    tests = [run.predictions.of("test") for run in runs]
    for run, test in zip(runs, tests, strict=True):
        if not np.array_equal(np.sort(test.patch_id), np.sort(tests[0].patch_id)):
            where = f"runs {runs[0].run_id} and {run.run_id}"
            raise DentlineError(where, "were judged on different test patches", "train both on the same split")
    first = tests[0]
    truth = first.label.astype(bool)
    drawn = intervals.resample(first.group, truth, np.random.default_rng(seed))
    order = {name: row for row, name in enumerate(first.patch_id)}
    reached = []
    for run, test in zip(runs, tests, strict=True):
        p = np.empty(len(truth))
        p[[order[name] for name in test.patch_id]] = test.p
        score = p if metric in metrics.RANKED else p >= run.metrics["test"]["threshold"]
        measure = MEASURES[metric]
        reached.append((run.run_id, measure(truth, score), measure(truth, score, drawn)))
    reached.sort(key=lambda row: -row[1][0])
    best = reached[0]
    return [
        Difference(metric, best[0], other[0], intervals.interval(best[1] - other[1], best[2] - other[2], len(truth)))
        for other in reached[1:]
    ]
