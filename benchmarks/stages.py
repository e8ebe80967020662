"""The jobs that are timed, each beside what a user would pick instead: one table of all."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness import Stage
from benchmarks.model_stages import dense_scan, features, linear_head, scan_int8, training
from benchmarks.pixel_stages import nail, reading, reading_reduced, variants
from benchmarks.process_stages import score_rows, scoring_starts, starts

Make = Callable[[Path, np.random.Generator], Stage]
"""A scratch folder and a generator -> the stage, ready to run."""

STAGES: dict[str, Make] = {
    "variants": variants,
    "reading": reading,
    "reading_reduced": reading_reduced,
    "nail": nail,
    "score_rows": score_rows,
    "features": features,
    "linear_head": linear_head,
    "training": training,
    "dense_scan": dense_scan,
    "scan_int8": scan_int8,
    "starts": starts,
    "scoring_starts": scoring_starts,
}


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for what a stage writes, gone afterwards."""
    return tempfile.TemporaryDirectory(prefix="dentline-bench-")
