"""What the facts' keys resolve to: the names met so far, the runs, and the calendar."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow

from dashboards import cells, shifts
from dashboards.clocks import Clocks
from dashboards.columns import UNKNOWN_KEY, Table
from dashboards.ledger import Ledger
from dashboards.runs import Run
from dashboards.sources import Met
from dashboards.tables import DIM_DATE, DIM_MODEL, DIM_PART, DIM_STATION, DIM_TIME
from dentline.workspace import Workspace
from deployment import champion

NOT_GIVEN = "(not given)"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def note(book: Ledger, met: Met) -> None:
    """Add to the ledger the parts, stations, models and days that rows named."""
    for names, found in ((book.parts, met.parts), (book.stations, met.stations), (book.models, met.models)):
        names.extend(sorted(found - set(names)))
    note_days(book, sorted(met.days))


def note_days(book: Ledger, days: Sequence[str]) -> None:
    """Widen the ledger's days to hold `days`, as ``YYYY-MM-DD``."""
    known = [day for day in (book.first_day, book.last_day, *days) if day]
    book.first_day, book.last_day = min(known, default=""), max(known, default="")


def make(
    workspace: Workspace, found: Sequence[Run], book: Ledger, clocks: Clocks, begins: Sequence[str]
) -> dict[Table, pyarrow.RecordBatch]:
    """Return the rows of every dimension.

    The ledger's names and the runs decide them; the calendar runs over the whole years of the ledger's days.

    Args:
        begins: the shifts, each with the time it begins.
    """
    rows = {
        DIM_MODEL: _models(workspace, found, book),
        DIM_PART: _named("part", "part_id", book.parts),
        DIM_STATION: ({**row, "time_zone": zone} for row, zone in _stations(book, clocks)),
        DIM_DATE: _days(int(book.first_day[:4]), int(book.last_day[:4])),
        DIM_TIME: _minutes(begins),
    }
    return {table: cells.of_rows(table, list(some)) for table, some in rows.items()}


def _named(what: str, column: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    key = f"{what}_key"
    known = [{key: cells.key_of(name), column: name or NOT_GIVEN} for name in names]
    yield from sorted([{key: UNKNOWN_KEY, column: NOT_GIVEN}, *known], key=lambda row: int(str(row[key])))


def _stations(book: Ledger, clocks: Clocks) -> Iterator[tuple[dict[str, Any], str]]:
    for row in _named("station", "station", book.stations):
        yield row, clocks.zone(row["station"])


def _days(first_year: int, last_year: int) -> Iterator[dict[str, Any]]:
    day = date(first_year, 1, 1)
    while day.year <= last_year:
        iso = day.isocalendar()
        yield {
            "date_key": day.year * 10_000 + day.month * 100 + day.day,
            "date": day,
            "year": day.year,
            "quarter": (day.month + 2) // 3,
            "month": day.month,
            "year_month": f"{day:%Y-%m}",
            "iso_year": iso.year,
            "iso_week": iso.week,
            "weekday": iso.weekday,
            "weekday_name": _WEEKDAYS[iso.weekday - 1],
            "is_weekend": int(iso.weekday > 5),
        }
        day += timedelta(days=1)


def _minutes(begins: Sequence[str]) -> Iterator[dict[str, Any]]:
    shift = shifts.at(begins)
    for hour in range(24):
        for minute in range(60):
            yield {
                "time_key": hour * 100 + minute,
                "hour": hour,
                "minute": minute,
                "hour_label": f"{hour:02d}:00",
                "shift": shift(hour, minute),
            }


def _models(workspace: Workspace, found: Sequence[Run], book: Ledger) -> Iterator[dict[str, Any]]:
    terms: dict[str, str] = {}
    served = ""
    if workspace.champion.is_file():
        now = champion.current(workspace)
        served = now.run_id
        terms = {term.run_id: term.promoted_at for term in now.previous} | {now.run_id: now.promoted_at}
    by_id = {run.run_id: run for run in found}
    for model_id in sorted({*by_id, *book.models, *terms}):
        run = by_id.get(model_id)
        yield {
            "model_key": cells.key_of(model_id),
            "model_id": model_id,
            "model_name": run and run.model,
            "trained_at_utc": run and run.trained_at,
            "is_champion": int(model_id == served),
            "promoted_at_utc": terms.get(model_id),
            "threshold": run and run.threshold,
            "weights": run and run.weights,
            "data_fingerprint": run and run.data_fingerprint,
        }
