"""The facts as they lie in scores.db: which query makes the rows of which table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import pyarrow
from pyarrow import compute

from dashboards.cells import key_of
from dashboards.tables import FACT_DEFECT, FACT_DRIFT, FACT_FEEDBACK, FACT_SCORE, UNKNOWN_KEY, Kind, Table

_BATCH_ROWS = 65_536
_WAIT_MS = 10_000
"""How long a reader waits while another process opens, recovers or closes the database."""
_TYPICAL: dict[Kind, str] = {"text": "''", "integer": "0", "number": "0.5", "date": "''", "time": "''"}
_WHERE = ("moment", "part_id", "station", "model_id")
_KEYS = ("part_key", "station_key", "model_key")


@dataclass(frozen=True)
class Source:
    """Where a fact's rows come from.

    Attributes:
        relation, counter: the table of scores.db, and its column, that count what was recorded.
        instant: its column of UTC text by which a row is filed under a month.
        sql: columns of the fact, and ``moment, part_id, station, model_id`` that its keys are made of.
    """

    table: Table
    relation: str
    counter: str
    instant: str
    sql: str


SOURCES = (
    Source(
        FACT_SCORE,
        "score",
        "f.seq",
        "f.scored_at",
        """SELECT f.score_id, f.request_id, f.scored_at AS scored_at_utc, f.door, f.photo_id, f.photo_sha256,
        f.width_px, f.height_px, f.p, f.threshold, f.verdict <> 'ok' AS is_rejected, f.n_defects, f.latency_ms,
        f.brightness, f.contrast, f.sharpness, f.saturation, f.distance, f.camera,
        f.scored_at AS moment, f.part_id, f.station, f.model_id
        FROM score f""",
    ),
    Source(
        FACT_DEFECT,
        "score",
        "s.seq",
        "s.scored_at",
        """SELECT f.score_id, f.number AS defect_number, s.scored_at AS scored_at_utc, f.x AS x_px, f.y AS y_px, f.p,
        s.scored_at AS moment, s.part_id, s.station, s.model_id
        FROM defect f JOIN score s ON s.score_id = f.score_id""",
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
    ),
    Source(
        FACT_DRIFT,
        "drift",
        "f.seq",
        "f.measured_at",
        """SELECT f.drift_id, f.measured_at AS measured_at_utc, f.period, f.measure, f.n_photos, f.psi, f.ks,
        f.psi_threshold, f.ks_threshold, f.is_alarm,
        f.measured_at AS moment, NULL AS part_id, f.station, f.model_id
        FROM drift f""",
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

    connection: adbc.Connection

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Return a small result."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def identity(self) -> str:
        """Return what tells this database from another."""
        ((identity,),) = self.rows("SELECT value FROM about WHERE name = 'database_id'")
        return str(identity)

    def newest(self, relation: str) -> int:
        """Return the number of the newest row of a table, 0 where it has none."""
        ((newest,),) = self.rows(f"SELECT coalesce(max(seq), 0) FROM {relation}")
        return int(str(newest))

    def months(self, source: Source, after: int, upto: int) -> dict[str, int]:
        """Return how many of the rows past `after` up to `upto` belong to each month, ``YYYY-MM``."""
        found = self.rows(
            f"SELECT substr(moment, 1, 7), count(*) FROM ({source.sql} "
            f"WHERE {source.counter} > {after} AND {source.counter} <= {upto}) GROUP BY 1"
        )
        return {str(month): int(str(count)) for month, count in found}

    def count(self, source: Source, condition: str) -> int:
        """Return how many of a source's rows fulfil a condition."""
        ((count,),) = self.rows(f"SELECT count(*) FROM ({source.sql} WHERE {condition})")
        return int(str(count))

    @contextmanager
    def stream(self, source: Source, condition: str, met: Met) -> Iterator[pyarrow.RecordBatchReader]:
        """Yield the rows of a source in batches, its keys among them, and note in `met` what they name.

        The driver takes a column's type from its first row, so a made-up one stands in front and is cut off.
        """
        plain = [c for c in source.table.columns if not c.refers]
        typical = [f"{_TYPICAL[c.kind]} AS {c.name}" for c in plain] + [f"'' AS {name}" for name in _WHERE]
        names = ", ".join([c.name for c in plain] + list(_WHERE))
        with self.connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)})
            cursor.execute(
                f"SELECT {', '.join(typical)} UNION ALL "
                f"SELECT * FROM (SELECT {names} FROM ({source.sql} WHERE {condition}))"
            )
            reader = cursor.fetch_record_batch()
            fields = [reader.schema.field(c.name) for c in plain] + [pyarrow.field("moment", pyarrow.string())]
            schema = pyarrow.schema(fields + [pyarrow.field(key, pyarrow.int64()) for key in _KEYS])
            yield pyarrow.RecordBatchReader.from_batches(schema, _keyed(reader, schema, met))


def _keyed(reader: pyarrow.RecordBatchReader, schema: pyarrow.Schema, met: Met) -> Iterator[pyarrow.RecordBatch]:
    """Yield the batches without the first row, names replaced by keys."""
    skip = 1
    for batch in reader:
        rows, skip = batch.slice(skip), 0
        columns = {name: rows.column(name) for name in schema.names if name not in _KEYS}
        for key, (name, known) in zip(_KEYS, met.by_column(), strict=True):
            coded = rows.column(name).dictionary_encode()
            texts = coded.dictionary.to_pylist()
            known.update(texts)
            keys = pyarrow.array([key_of(text) for text in texts], pyarrow.int64())
            columns[key] = keys.take(coded.indices).fill_null(UNKNOWN_KEY)
        if rows.num_rows:
            span = compute.min_max(rows.column("moment")).as_py()
            met.days.update(str(moment)[:10] for moment in span.values())
        yield pyarrow.RecordBatch.from_pydict(columns, schema=schema)


@contextmanager
def snapshot(path: Path) -> Iterator[Snapshot]:
    """Open scores.db for reading, in one transaction."""
    with adbc.connect(f"file:{path}?mode=ro") as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        yield Snapshot(connection)
