"""Mutated pictures against a running service: ``python -m benchmarks.fuzzing --n 10000``.

Every answer must be 200 or 4xx in the one error shape; prints how many of each status, and the p99
and longest time. Exits 1 on a 5xx, a hang, or an answer in another shape.
"""

import argparse
import collections
import json
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from deployment.door import STATUS
from tests import tiny_model
from tests.serving import project, running


def seeds() -> list[bytes]:
    """Return small files of every kind of JPEG and PNG, and of kinds that are refused."""
    photo = tiny_model.surface(96, 128, [(60, 40)])
    deep = photo.astype(np.uint16) * 257
    alpha = np.dstack([photo, photo[:, :, :1]])
    made = [
        (".jpg", photo, []),
        (".jpg", photo[:, :, 0], []),
        (".jpg", photo, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".jpg", photo, [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]),
        (".png", photo, []),
        (".png", photo[:, :, 0], []),
        (".png", deep, []),
        (".png", alpha, []),
        (".png", (photo[:, :, 0] > 90).astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1]),
        (".bmp", photo, []),
        (".webp", photo, []),
    ]
    return [cv2.imencode(suffix, np.ascontiguousarray(a), options)[1].tobytes() for suffix, a, options in made]


def mutate(rng: np.random.Generator, data: bytes) -> bytes:
    """Return a file broken in one of the ways files break, or made by somebody who means it."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(found))) if found else 0
        kind = int(rng.integers(8))
        if kind == 0:
            found = found[:place]
        elif kind == 1 and found:
            found[place] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            found[place : place + 4] = bytes([0xFF]) * 4
        elif kind == 3:
            found[place:place] = rng.bytes(int(rng.integers(1, 64)))
        elif kind == 4:
            del found[place : place + int(rng.integers(1, 64))]
        elif kind == 5:
            end = place + int(rng.integers(1, 256))
            found[place:place] = found[place:end]
        elif kind == 6 and len(found) > 40:
            head = int(rng.integers(2, 40))
            found[head] = int(rng.integers(256))
        elif kind == 7:
            found[place : place + 2] = b"\xff\xda"
    return bytes(found)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="how many files are sent")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    rng, sources = np.random.default_rng(given.seed), seeds()
    statuses: collections.Counter[int] = collections.Counter()
    codes: collections.Counter[str] = collections.Counter()
    seconds, faults = [], 0
    with (
        tempfile.TemporaryDirectory() as folder,
        running(project(Path(folder) / "p"), "--log", "none", formats="jpeg,png,webp,bmp") as service,
        service.client() as client,
    ):
        for number in range(given.n):
            data = mutate(rng, sources[number % len(sources)])
            started = time.perf_counter()
            answer = client.post("/score", content=data, headers={"content-type": "application/octet-stream"})
            seconds.append(time.perf_counter() - started)
            statuses[answer.status_code] += 1
            if answer.status_code != 200:
                error = answer.json().get("error", {})
                codes[error.get("code")] += 1
                faults += answer.status_code >= 500 or STATUS.get(error.get("code"), 400) != answer.status_code
            if number % 500 == 499:
                print(f"{number + 1} of {given.n}", file=sys.stderr)
        alive = service.process.poll() is None
    figures = {
        "n": given.n,
        "statuses": dict(sorted(statuses.items())),
        "codes": dict(codes.most_common()),
        "faults": faults,
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1000, 1),
        "p99_ms": round(float(np.percentile(seconds, 99)) * 1000, 1),
        "longest_ms": round(max(seconds) * 1000, 1),
        "alive_after": alive,
    }
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if faults or not alive:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
