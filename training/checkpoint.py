"""A training's state in one file, so that a killed one goes on and ends as an unbroken one would."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline.files import replacing

Arrays = list[NDArray[Any]]


def save(path: Path, state: dict[str, Any], **arrays: Sequence[NDArray[Any]]) -> None:
    """Write plain state and named lists of arrays, all or nothing."""
    named = {f"{name}.{i}": array for name, group in arrays.items() for i, array in enumerate(group)}
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, allow_pickle=False, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **named)


def read(path: Path) -> bytes:
    """Return a checkpoint's bytes, empty where there is none."""
    return path.read_bytes() if path.is_file() else b""


def loads(data: bytes) -> tuple[dict[str, Any], dict[str, Arrays]] | None:
    """Return the state and the lists as saved, or None for empty bytes."""
    if not data:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        groups: dict[str, dict[int, NDArray[Any]]] = {}
        for key in held.files:
            name, _, number = key.partition(".")
            if number:
                groups.setdefault(name, {})[int(number)] = held[key]
        state = json.loads(held["state"].tobytes())
    return state, {name: [group[i] for i in range(len(group))] for name, group in groups.items()}
