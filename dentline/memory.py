"""Keep freed memory in a worker: pictures of one size follow each other, and fresh pages cost more than they.

glibc gives a large buffer back to the system when it is freed and takes fresh, zeroed pages for the next
one. Dask tells its workers to do so even sooner (``MALLOC_TRIM_THRESHOLD_``).
"""

import ctypes
import sys
from functools import lru_cache
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h: what is free at the heap's end and kept, and from what size on memory is mapped by itself."""

MIB = 1 << 20


@lru_cache
def keep(largest_bytes: int = 32 * MIB, kept_bytes: int = 128 * MIB) -> None:
    """Let this process keep what it has freed. Where there is no glibc nothing is changed.

    Args:
        largest_bytes: a buffer beyond this goes back to the system when it is freed.
        kept_bytes: most that is kept at the heap's end.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, largest_bytes)
        mallopt(_TRIM_THRESHOLD, kept_bytes)


def give_back() -> None:
    """Return to the system what this process has freed and kept: after work that will not come again."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
