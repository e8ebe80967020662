"""What the facts' keys resolve to: the names met so far, the runs, and the calendar."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from dashboards import cells, runs
from dashboards.ledger import Ledger
from dashboards.runs import Run
from dashboards.sources import Met
from dashboards.tables import (
    BY_NAME,
    DIM_MODEL,
    DIM_PART,
    DIM_STATION,
    FACT_FEEDBACK,
    FACT_SCORE,
    UNKNOWN_KEY,
    WIDE,
    Column,
)
from dentline.workspace import Workspace
from deployment import champion

_NOT_GIVEN = "(not given)"


def note(book: Ledger, met: Met) -> None:
    """Add to the ledger the parts, stations, models and days that rows named."""
    for names, found in ((book.parts, met.parts), (book.stations, met.stations), (book.models, met.models)):
        names.extend(sorted(found - set(names) - {None}))
    note_days(book, sorted(met.days))


def note_days(book: Ledger, days: Sequence[str]) -> None:
    """Widen the ledger's days to hold `days`, as ``YYYY-MM-DD``."""
    known = [day for day in (book.first_day, book.last_day, *days) if day]
    book.first_day, book.last_day = min(known, default=""), max(known, default="")


def load(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, found: Sequence[Run], book: Ledger, now: str
) -> None:
    """Put every dimension into `connection` as a table of its name.

    The ledger's names and the runs decide the rows; the calendar runs over whole years.
    """
    note_days(book, [now[:10], *(run.trained_at[:10] for run in found)])
    for table, names, column in ((DIM_PART, book.parts, "part_id"), (DIM_STATION, book.stations, "station")):
        key = table.key[0]
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table.name} AS SELECT {UNKNOWN_KEY}::BIGINT AS {key}, "
            f"'{_NOT_GIVEN}' AS {column} UNION ALL SELECT key, coalesce(harmless(name), '{_NOT_GIVEN}') "
            "FROM (SELECT unnest(?::BIGINT[]) AS key, unnest(?::VARCHAR[]) AS name) ORDER BY 1",
            [[cells.key_of(name) for name in names], names],
        )
    _load_models(connection, workspace, found, book)
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE dim_date AS
        SELECT day_key(d) AS date_key, d::DATE AS date, year(d) AS year,
        quarter(d) AS quarter, month(d) AS month, strftime(d, '%Y-%m') AS year_month, isoyear(d) AS iso_year,
        weekofyear(d) AS iso_week, isodow(d) AS weekday, dayname(d) AS weekday_name,
        (isodow(d) > 5)::BIGINT AS is_weekend
        FROM (SELECT unnest(generate_series(make_date(?, 1, 1), make_date(?, 12, 31), INTERVAL 1 DAY)) AS d)""",
        [int(book.first_day[:4]), int(book.last_day[:4])],
    )
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE dim_time AS
        SELECT (h * 100 + m)::BIGINT AS time_key, h AS hour, m AS minute, printf('%02d:00', h) AS hour_label,
        CASE WHEN h < 6 OR h >= 22 THEN 'night 22-6' WHEN h < 14 THEN 'early 6-14' ELSE 'late 14-22' END AS part_of_day
        FROM range(24) AS a(h), range(60) AS b(m) ORDER BY 1"""
    )


def _load_models(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, found: Sequence[Run], book: Ledger
) -> None:
    terms: dict[str, str] = {}
    served = ""
    if workspace.champion.is_file():
        now = champion.current(workspace)
        served = now.run_id
        terms = {term.run_id: term.promoted_at for term in now.previous} | {now.run_id: now.promoted_at}
    by_id = {run.run_id: run for run in found}
    rows = []
    for model_id in sorted({*by_id, *book.models, *terms}):
        run = by_id.get(model_id)
        rows.append(
            {
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
        )
    runs.register(connection, "models", DIM_MODEL, rows)
    query = cells.projection(DIM_MODEL, "models")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE dim_model AS {query}")


def wide(folder: Path) -> str:
    """Return a query for the wide table, from the star's files in `folder`."""
    given = {"fact": cells.read_csv(FACT_SCORE, folder / "fact_score" / "*.csv")}
    given["feedback"] = cells.read_csv(FACT_FEEDBACK, folder / "fact_feedback" / "*.csv")
    given |= {n: cells.read_csv(BY_NAME[n], folder / f"{n}.csv") for n in ("dim_part", "dim_station", "dim_model")}
    tables = ", ".join(f"{name} AS ({query})" for name, query in given.items())
    own = ", ".join(_as_written(c) for c in FACT_SCORE.columns if not c.refers)
    assert [c.name for c in WIDE.columns[-6:-3]] == ["part_id", "station", "model_id"]
    return f"""WITH {tables}, judged AS (SELECT score_id, arg_max(truth, feedback_id) AS truth,
        sum(n_escapes)::BIGINT AS is_escape, sum(n_false_rejects)::BIGINT AS is_false_reject
        FROM feedback GROUP BY score_id)
        SELECT {own}, nullif(part_id, '{_NOT_GIVEN}') AS part_id, nullif(station, '{_NOT_GIVEN}') AS station, model_id,
        truth, is_escape, is_false_reject
        FROM fact LEFT JOIN dim_part USING (part_key) LEFT JOIN dim_station USING (station_key)
        LEFT JOIN dim_model USING (model_key) LEFT JOIN judged USING (score_id) ORDER BY scored_at_utc"""


def _as_written(column: Column) -> str:
    if column.kind == "time":
        return f"strftime(fact.{column.name}, '%Y-%m-%dT%H:%M:%S') AS {column.name}"
    return f"fact.{column.name}"
