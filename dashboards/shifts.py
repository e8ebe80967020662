"""The shifts of a day: which one a minute belongs to."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from dentline.errors import DentlineError

_SHIFT = re.compile(r"(\S.*?)\s+([01]?\d|2[0-3]):([0-5]\d)")


def at(shifts: Sequence[str]) -> Callable[[int, int], str]:
    """Return what tells the shift of an hour and minute. Before the day's first shift it is still the last one's.

    Args:
        shifts: each its name and when it begins, as ``late 14:00``.

    Raises:
        DentlineError: one that cannot be read, or two that begin at once.
    """
    begun: dict[int, str] = {}
    for text in shifts:
        found = _SHIFT.fullmatch(text.strip())
        minute = int(found[2]) * 60 + int(found[3]) if found else None
        if found is None or minute is None or minute in begun:
            raise DentlineError("recipe: shifts", f"has {text!r}", 'write "early 06:00", each with its own begin')
        begun[minute] = found[1]
    minutes = sorted(begun)
    return lambda hour, minute: begun[minutes[bisect_right(minutes, hour * 60 + minute) - 1]]
