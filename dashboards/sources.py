"""The facts as they lie in scores.db: which query makes the rows of which table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import adbc_driver_manager
import adbc_driver_sqlite
import pyarrow
from adbc_driver_manager import AdbcConnection, AdbcStatement
from pyarrow import compute

from dashboards import cells
from dashboards.clocks import Clocks
from dashboards.columns import UNKNOWN_KEY, Kind, Table
from dashboards.tables import FACT_DEFECT, FACT_DRIFT, FACT_FEEDBACK, FACT_SCORE
from dentline.errors import DentlineError
from deployment.records import VERSION

_BATCH_ROWS = 32_768
_WAIT_MS = 10_000
"""How long a reader waits while another process opens, recovers or closes the database."""
_TYPICAL: dict[Kind, str] = {"text": "''", "integer": "0", "number": "0.5", "date": "''", "time": "''"}
_NAMES = ("part_id", "station", "model_id")


@dataclass(frozen=True)
class Source:
    """Where a fact's rows come from.

    Attributes:
        relation, counter: the table of scores.db, and its column, that count what was recorded.
        instant: its column of UTC text by which a row is filed under a month.
        sql: columns of the fact, and ``part_id, station, model_id`` that its keys are made of.
        moment: the column of `sql` that its date and time are made of.
        only: what rows of the relation need to have for there to be a row of the fact.
    """

    table: Table
    relation: str
    counter: str
    instant: str
    sql: str
    moment: str
    only: tuple[str, ...] = ()

    def recorded(self, conditions: Sequence[str]) -> str:
        """Return the FROM and WHERE of the rows of `relation` that the fact's are made of, and that fulfil more."""
        wanted = [*self.only, *conditions]
        name = self.counter.partition(".")[0]
        return f"FROM {self.relation} {name}" + (f" WHERE {' AND '.join(wanted)}" if wanted else "")


SOURCES = (
    Source(
        FACT_SCORE,
        "score",
        "f.seq",
        "f.scored_at",
        """SELECT f.score_id, f.request_id, f.scored_at AS scored_at_utc, f.door, f.photo_id, f.photo_sha256,
        f.width_px, f.height_px, f.p, f.threshold, f.verdict <> 'ok' AS is_rejected, f.n_defects, f.latency_ms,
        f.brightness, f.contrast, f.sharpness, f.saturation, f.distance, f.camera,
        f.part_id, f.station, f.model_id
        FROM score f""",
        "scored_at_utc",
    ),
    Source(
        FACT_DEFECT,
        "score",
        "s.seq",
        "s.scored_at",
        """SELECT f.score_id, f.number AS defect_number, s.scored_at AS scored_at_utc, f.x AS x_px, f.y AS y_px, f.p,
        s.part_id, s.station, s.model_id
        FROM score s JOIN defect f ON f.score_id = s.score_id""",
        "scored_at_utc",
        ("s.n_defects > 0",),
    ),
    Source(
        FACT_FEEDBACK,
        "feedback",
        "f.seq",
        "f.given_at",
        """SELECT f.feedback_id, f.score_id, f.given_at AS given_at_utc, f.operator, f.truth,
        s.verdict <> 'ok' AS was_rejected, f.was_sampled, json_array_length(f.marks) AS n_marked,
        b.truth IS NULL AS n_judged,
        (f.truth = 'dent' AND s.verdict = 'ok') - (coalesce(b.truth, '') = 'dent' AND s.verdict = 'ok') AS n_escapes,
        (f.truth = 'clean' AND s.verdict <> 'ok') - (coalesce(b.truth, '') = 'clean' AND s.verdict <> 'ok')
        AS n_false_rejects, f.note,
        s.scored_at AS moment, s.part_id, s.station, s.model_id
        FROM feedback f JOIN score s ON s.score_id = f.score_id LEFT JOIN feedback b ON b.seq =
        (SELECT max(e.seq) FROM feedback e WHERE e.score_id = f.score_id AND e.seq < f.seq)""",
        "moment",
    ),
    Source(
        FACT_DRIFT,
        "drift",
        "f.seq",
        "f.measured_at",
        """SELECT f.drift_id, f.measured_at AS measured_at_utc, f.period, f.measure, f.n_photos, f.psi, f.ks,
        f.psi_threshold, f.ks_threshold, f.is_alarm,
        NULL AS part_id, f.station, f.model_id
        FROM drift f""",
        "measured_at_utc",
    ),
)


@dataclass
class Met:
    """The names and days that rows were seen to have."""

    parts: set[str] = field(default_factory=set)
    stations: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)

    def by_column(self) -> tuple[tuple[str, set[str]], ...]:
        return ("part_id", self.parts), ("station", self.stations), ("model_id", self.models)


@dataclass(frozen=True)
class Snapshot:
    """One consistent view of scores.db: what the service writes meanwhile is not seen."""

    connection: AdbcConnection

    @contextmanager
    def query(self, sql: str) -> Iterator[pyarrow.RecordBatchReader]:
        """Yield the batches of a result."""
        with AdbcStatement(self.connection) as statement:
            statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)})
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            with pyarrow.RecordBatchReader.from_stream(stream) as reader:
                yield reader

    def values(self, sql: str) -> list[object]:
        """Return the first column of a small result."""
        with self.query(sql) as reader:
            found: list[object] = reader.read_all().column(0).to_pylist()
            return found

    def number(self, sql: str) -> int:
        (found,) = self.values(sql)
        return int(str(found))

    def identity(self) -> str:
        """Return what tells this database from another."""
        (identity,) = self.values("SELECT value FROM about WHERE name = 'database_id'")
        return str(identity)

    def newest(self, relation: str) -> int:
        """Return the number of the newest row of a table, 0 where it has none."""
        return self.number(f"SELECT coalesce(max(seq), 0) FROM {relation}")

    def months(self, source: Source, after: int) -> list[str]:
        """Return the months, ``YYYY-MM``, of the rows past `after`."""
        recorded = source.recorded([f"{source.counter} > {after}"] if after else [])
        return sorted(map(str, self.values(f"SELECT DISTINCT substr({source.instant}, 1, 7) {recorded}")))

    def within(self, source: Source, month: str, after: int, upto: int) -> str:
        """Return the condition for a month's rows past `after` up to `upto`.

        The rows were recorded in runs, near to the order of their time, so that a range of their count is read far
        quicker than single rows by the index of the time, which is kept from being used.
        """
        counter, instant = (column.partition(".")[2] for column in (source.counter, source.instant))
        in_month = f"{instant} >= '{month}' AND {instant} < '{month}~'"
        with self.query(f"SELECT min({counter}) a, max({counter}) b FROM {source.relation} WHERE {in_month}") as reader:
            ((first, last),) = (row.values() for row in reader.read_all().to_pylist())
        conditions = [
            f"{source.counter} BETWEEN {max(first or 0, after + 1)} AND {min(last or 0, upto)}",
            f"+{source.instant} >= '{month}'",
            f"+{source.instant} < '{month}~'",
            *source.only,
        ]
        return " AND ".join(conditions)

    def count(self, source: Source, within: str) -> int:
        """Return how many of a source's rows are within."""
        return self.number(f"SELECT count(*) FROM ({source.sql} WHERE {within})")

    @contextmanager
    def stream(self, source: Source, within: str, clocks: Clocks, met: Met) -> Iterator[Iterator[pyarrow.RecordBatch]]:
        """Yield the finished rows of a source in batches, and note in `met` what they name.

        The driver takes a column's type from its first row, so a made-up one stands in front and is cut off.
        """
        plain = [c for c in source.table.columns if not c.refers]
        typical = {c.name: _TYPICAL[c.kind] for c in plain} | dict.fromkeys((source.moment, *_NAMES), "''")
        sql = (
            f"SELECT {', '.join(f'{value} AS {name}' for name, value in typical.items())} UNION ALL "
            f"SELECT {', '.join(typical)} FROM ({source.sql} WHERE {within})"
        )
        with self.query(sql) as reader:
            yield _finished(reader, source, clocks, met)


def _finished(
    reader: pyarrow.RecordBatchReader, source: Source, clocks: Clocks, met: Met
) -> Iterator[pyarrow.RecordBatch]:
    """Yield the batches without the first row, with keys for names."""
    skip = 1
    for batch in reader:
        rows, skip = batch.slice(skip), 0
        if not rows.num_rows:
            continue
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        coded = {name: columns[name].dictionary_encode() for name in _NAMES}
        for name, known in met.by_column():
            texts = coded[name].dictionary.to_pylist()
            known.update(texts)
            keys = pyarrow.array([cells.key_of(text) for text in texts], pyarrow.int64())
            columns[f"{name.removesuffix('_id')}_key"] = keys.take(coded[name].indices).fill_null(UNKNOWN_KEY)
        day, minute = clocks.keys(columns[source.moment], coded["station"])
        met.days.update(f"{key // 10_000}-{key // 100 % 100:02d}-{key % 100:02d}" for key in _span(day))
        yield cells.finish(source.table, columns | {"date_key": day, "time_key": minute})


def _span(numbers: pyarrow.Array) -> tuple[int, int]:
    found = compute.min_max(numbers).as_py()
    return found["min"], found["max"]


@contextmanager
def snapshot(path: Path) -> Iterator[Snapshot]:
    """Open scores.db for reading, in one transaction.

    Raises:
        DentlineError: it cannot be read, or is of another version.
    """
    try:
        with (
            adbc_driver_sqlite.connect(f"file:{path}?mode=ro") as database,
            AdbcConnection(database) as connection,
        ):
            scores = Snapshot(connection)
            scores.values(f"PRAGMA busy_timeout = {_WAIT_MS}")
            connection.set_autocommit(False)
            version = scores.number("PRAGMA user_version")
            if version != VERSION:
                raise DentlineError(str(path), f"has version {version}, this Dentline reads {VERSION}", "update it")
            yield scores
    except (adbc_driver_manager.Error, pyarrow.ArrowException) as error:
        raise DentlineError(str(path), f"cannot be read: {error}", "check the disk, or restore a copy") from error
