"""Made-up answers in a scores.db: as many as wanted, over some days, at three stations. Nothing was photographed."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from deployment.answer import ids_from
from deployment.records import Records

STATIONS = ("line 1", "line 2", "line 3")
PARTS = ("door", "hood", "fender", "roof", "tailgate")
_BATCH = 100_000
_HOUR_SHARE = np.array([2, 2, 2, 2, 2, 3, 8, 9, 9, 9, 9, 8, 7, 9, 9, 9, 8, 8, 7, 6, 6, 5, 3, 2], float)


def fill(path: Path, n: int, end: datetime, days: float, models: Sequence[str], rng: np.random.Generator) -> None:
    """Add `n` answers of the `days` before `end` to scores.db, with their dents and some judgements.

    The `models` answer one after another for equal times; each later one confuses fewer. The lamp of the second
    station darkens over the last third of the time, and its dents are found less and less.
    """
    Records(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    share = np.sort(_moments(n, days, rng))
    for first in range(0, n, _BATCH):
        _write(connection, share[first : first + _BATCH], first, end, days, models, rng)
    connection.commit()
    connection.close()


def _moments(n: int, days: float, rng: np.random.Generator) -> np.ndarray:
    """Return `n` times as shares of the whole, more of them by day than by night."""
    day = rng.integers(0, max(1, int(days)), n)
    hour = rng.choice(24, n, p=_HOUR_SHARE / _HOUR_SHARE.sum())
    moments: np.ndarray = (day + (hour + rng.random(n)) / 24) / max(1, int(days))
    return moments


def _write(
    connection: sqlite3.Connection,
    share: np.ndarray,
    first: int,
    end: datetime,
    days: float,
    models: Sequence[str],
    rng: np.random.Generator,
) -> None:
    n = len(share)
    station, part = rng.integers(0, 3, n), rng.choice(5, n, p=[0.35, 0.25, 0.2, 0.12, 0.08])
    model = np.minimum((share * len(models)).astype(int), len(models) - 1)
    dark = np.where(station == 1, np.clip((share - 0.67) * 3, 0, 1), 0)
    dented = rng.random(n) < np.array([0.02, 0.05, 0.03, 0.08, 0.04])[part]
    noise = 1.1 - 0.35 * model
    logit = np.where(dented, 4.5 - 5.5 * dark, -4.2) + noise * rng.standard_normal(n)
    p = 1 / (1 + np.exp(-logit))
    rejected = p >= 0.5
    n_defects = np.where(rejected, 1 + rng.poisson(0.4, n), 0)
    brightness = (150 - 60 * dark) * np.exp(0.05 * rng.standard_normal(n))
    contrast = (34 - 12 * dark) * np.exp(0.08 * rng.standard_normal(n))
    sharpness = (210 - 120 * dark) * np.exp(0.15 * rng.standard_normal(n))
    latency = 14 * np.exp(0.35 * rng.standard_normal(n)) + 40 * (rng.random(n) < 0.01)
    times = [end - timedelta(days=days * (1 - s)) for s in share.tolist()]
    ids = [f"{ids_from(t)}{first + i:020x}" for i, t in enumerate(times)]
    stamps = [t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond // 1000:03d}" for t in times]
    columns = (
        [None] * n,
        ids,
        [f"{i:032x}" for i in range(first, first + n)],
        stamps,
        [models[m] for m in model],
        ["http"] * n,
        [f"{i * 2654435761:064x}" for i in range(first, first + n)],
        [f"{PARTS[k]}-{first + i:07d}.jpg" for i, k in enumerate(part)],
        [PARTS[k] for k in part],
        [STATIONS[k] for k in station],
        [1024] * n,
        [768] * n,
        p.tolist(),
        [0.5] * n,
        np.where(rejected, "defect", "ok").tolist(),
        n_defects.tolist(),
        latency.tolist(),
        brightness.tolist(),
        contrast.tolist(),
        sharpness.tolist(),
        [0.0] * n,
        (1 + 4 * dark + 0.2 * rng.random(n)).tolist(),
        ["Basler acA2440"] * n,
    )
    connection.executemany(f"INSERT INTO score VALUES ({', '.join('?' * len(columns))})", zip(*columns, strict=True))
    places = rng.normal((600, 300), (160, 110), (int(n_defects.sum()), 2)).clip(0, (1023, 767))
    owner = np.repeat(np.arange(n), n_defects)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(n_defects) - n_defects, n_defects) + 1
    found = ((ids[o], int(k), x, y, float(p[o])) for o, k, (x, y) in zip(owner, number, places.tolist(), strict=True))
    connection.executemany("INSERT INTO defect VALUES (?, ?, ?, ?, ?)", found)
    judged = np.flatnonzero(np.where(rejected, rng.random(n) < 0.6, rng.random(n) < 0.04))
    given = (
        (
            f"{ids[i][:12]}f{first + i:019x}",
            ids[i],
            stamps[i],
            "dent" if dented[i] else "clean",
            "operator 1",
            "[]",
            int(not rejected[i]),
        )
        for i in judged.tolist()
    )
    connection.executemany("INSERT INTO feedback VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL)", given)
