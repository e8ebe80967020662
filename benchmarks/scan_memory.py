"""How much memory a photo of 40 megapixels takes: scanned by VGG16's first three blocks, and proposed for.

``python -m benchmarks.scan_memory [--megapixels 40] [--tiles 30]``

Each way runs in a process of its own; what it peaks at beyond the loaded model and the decoded photo is told.
All tiles of a scan have one size but the last ones, which are smaller, so the network runs on the first ones
alone (`--tiles`, 0 for all: minutes) and the rest of the map is filled without it.
"""

import argparse
import os
import subprocess
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import resident_mb


class First:
    """An engine that works on so many tiles and then answers zeros of the right size."""

    def __init__(self, engine: Any, n: int) -> None:
        self._engine, self._left = engine, n or sys.maxsize

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        from dentline.geometry import FIELD_PX, STRIDE_PX

        self._left -= 1
        if self._left >= 0:
            answer: NDArray[np.float32] = self._engine.run(images)
            return answer
        rows, columns = ((side - FIELD_PX) // STRIDE_PX + 1 for side in images.shape[1:3])
        return np.zeros((1, rows, columns), np.float32)


def peak_mb() -> float:
    """Return the most memory this process ever held, MB."""
    return resident_mb(os.getpid(), "VmHWM")


def measure(way: str, megapixels: float, n_tiles: int) -> None:
    """Print what one way peaks at beyond what was held before it, MB."""
    from benchmarks.vgg_maps import patch_model
    from deployment import scan
    from deployment.engine import OnnxEngine
    from deployment.proposals import propose

    rng = np.random.default_rng(0)
    engine = OnnxEngine(patch_model(rng))
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    photo = np.empty((round(megapixels * 1e6 / width), width, 3), np.uint8)
    photo[...] = rng.integers(90, 130, (1, width, 1), np.uint8)
    scan.probabilities(First(engine, 1), photo[:200, :200])
    before = peak_mb()
    if way == "scan":
        scan.probabilities(First(engine, n_tiles), photo)
    else:
        propose(photo, 16)
    print(f"{way}: {width} x {len(photo)} px, photo {photo.nbytes / 2**20:.0f} MB, +{peak_mb() - before:.0f} MB")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan_memory", description=__doc__.split("\n\n")[0])
    parser.add_argument("--megapixels", type=float, default=40.0)
    parser.add_argument("--tiles", type=int, default=30, help="tiles the network runs on; 0 for all")
    parser.add_argument("--way", choices=("scan", "propose"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        measure(options.way, options.megapixels, options.tiles)
        return
    for way in ("scan", "propose"):
        told = [sys.executable, "-m", "benchmarks.scan_memory", "--way", way]
        told += ["--megapixels", str(options.megapixels), "--tiles", str(options.tiles)]
        subprocess.run(told, check=True)


if __name__ == "__main__":
    main()
