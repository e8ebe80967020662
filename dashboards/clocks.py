"""The clocks that stations live by: their days and minutes, from instants in UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow
from pyarrow import compute

from dentline.errors import DentlineError
from dentline.recipe import Dashboard

_QUARTER_S = 900
"""No clock is set between two quarters of an hour of UTC, so one offset serves all instants of a quarter."""


@dataclass(frozen=True)
class Clocks:
    """Time zones, by their IANA names: the usual one, and those of stations that live by another."""

    usual: str = "UTC"
    of_stations: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return ", ".join([self.usual, *(f"{s} = {z}" for s, z in sorted((self.of_stations or {}).items()))])

    def zone(self, station: str | None) -> str:
        """Return the time zone of a station, of the plant where it is not given or has none of its own."""
        return (self.of_stations or {}).get(station or "", self.usual)

    def keys(self, moments: pyarrow.Array, stations: pyarrow.DictionaryArray) -> tuple[pyarrow.Array, pyarrow.Array]:
        """Return the day as YYYYMMDD and the minute as HHMM that each instant was at its station.

        Args:
            moments: UTC text, ``YYYY-MM-DDTHH:MM:SS``, perhaps with a fraction.
            stations: the station of each, null where not given.

        Returns:
            ``date_key``, ``time_key``, int64.
        """
        seconds = compute.utf8_slice_codeunits(moments, 0, 19).cast(pyarrow.timestamp("s"))
        zones = [self.zone(station) for station in stations.dictionary.to_pylist()]
        if any(zone != "UTC" for zone in (*zones, self.usual)):
            seconds = _local(seconds, stations, [*zones, self.usual])
        day = _base_100(compute.year(seconds), compute.month(seconds), compute.day(seconds))
        return day, _base_100(compute.hour(seconds), compute.minute(seconds))

    def day(self, moment: str) -> str:
        """Return the plant's day, ``YYYY-MM-DD``, of an instant as UTC text."""
        instant = datetime.fromisoformat(moment[:19]).replace(tzinfo=UTC)
        return instant.astimezone(ZoneInfo(self.usual)).strftime("%Y-%m-%d")


def of(settings: Dashboard) -> Clocks:
    """Return the clocks that a recipe tells.

    Raises:
        DentlineError: a name that is no time zone, or an entry that is not ``station = zone``.
    """
    of_stations = {}
    for entry in settings.station_time_zones:
        station, equals, zone = (piece.strip() for piece in entry.rpartition("="))
        if not equals or not station:
            raise DentlineError("recipe: station_time_zones", f"has {entry!r}", 'write "line 3 = America/Chicago"')
        of_stations[station] = zone
    for zone in (settings.time_zone, *of_stations.values()):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise DentlineError(
                "recipe: [dashboard]", f"{zone!r} is no time zone here", "write one like Europe/Berlin; see tzdata"
            ) from None
    return Clocks(settings.time_zone, of_stations)


def _local(seconds: pyarrow.Array, stations: pyarrow.DictionaryArray, zones: Sequence[str]) -> pyarrow.Array:
    """Return what the clock of each instant's station shows; the last zone is that of no station."""
    instants = seconds.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
    station = stations.indices.fill_null(len(zones) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
    seen, place = np.unique((instants // _QUARTER_S) * len(zones) + station, return_inverse=True)
    clocks = [ZoneInfo(zone) for zone in zones]
    offsets = [
        datetime.fromtimestamp(number // len(zones) * _QUARTER_S, clocks[number % len(zones)]).utcoffset()
        for number in seen.tolist()
    ]
    offset_s = np.array([int(offset.total_seconds()) if offset else 0 for offset in offsets], np.int64)
    return pyarrow.array(instants + offset_s[place]).cast(pyarrow.timestamp("s"))


def _base_100(*digits: pyarrow.Array) -> pyarrow.Array:
    number = digits[0]
    for digit in digits[1:]:
        number = compute.add(compute.multiply(number, 100), digit)
    return number
