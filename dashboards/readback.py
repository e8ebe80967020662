"""The star's files read back with DuckDB: typed rows, the wide table of one row an answer, and Parquet."""

from pathlib import Path

import duckdb
import pyarrow

from dashboards.columns import Kind, Table
from dashboards.dimensions import NOT_GIVEN
from dashboards.tables import BY_NAME, FACT_FEEDBACK, FACT_SCORE, WIDE
from dentline.files import replacing

_BATCH_ROWS = 65_536
_KINDS: dict[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "FLOAT",
    "date": "DATE",
    "time": "TIMESTAMP",
}


def connect() -> duckdb.DuckDBPyConnection:
    """Return a DuckDB that spills to disk past 512 MB and knows no time but UTC."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '512MB'; SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
    return connection


def rows(table: Table, path: Path | str) -> str:
    """Return a query for the typed rows of a CSV, or of every CSV that a pattern names."""
    columns = ", ".join(f"'{c.name}': '{_KINDS[c.kind]}'" for c in table.columns)
    return (
        f"SELECT * FROM read_csv('{_quoted(path)}', header = true, delim = ',', quote = '\"', nullstr = '', "
        f"auto_detect = false, columns = {{{columns}}}, timestampformat = '%Y-%m-%dT%H:%M:%S')"
    )


def wide(folder: Path) -> pyarrow.RecordBatchReader:
    """Return the rows of the wide table, in the order of their time, from the star's files in `folder`."""
    given = {"fact": rows(FACT_SCORE, folder / "fact_score" / "*.csv")}
    given["feedback"] = rows(FACT_FEEDBACK, folder / "fact_feedback" / "*.csv")
    given |= {n: rows(BY_NAME[n], folder / f"{n}.csv") for n in ("dim_part", "dim_station", "dim_model")}
    tables = ", ".join(f"{name} AS ({query})" for name, query in given.items())
    made = {
        "scored_at_utc": "strftime(scored_at_utc, '%Y-%m-%dT%H:%M:%S')",
        "part_id": f"nullif(part_id, '{NOT_GIVEN}')",
        "station": f"nullif(station, '{NOT_GIVEN}')",
        "threshold": "fact.threshold",
    }
    columns = ", ".join(f"{made.get(c.name, c.name)} AS {c.name}" for c in WIDE.columns)
    query = f"""WITH {tables}, judged AS (SELECT score_id, arg_max(truth, feedback_id) AS truth,
        sum(n_escapes)::BIGINT AS is_escape, sum(n_false_rejects)::BIGINT AS is_false_reject
        FROM feedback GROUP BY score_id)
        SELECT {columns}
        FROM fact LEFT JOIN dim_part USING (part_key) LEFT JOIN dim_station USING (station_key)
        LEFT JOIN dim_model USING (model_key) LEFT JOIN judged USING (score_id) ORDER BY fact.scored_at_utc"""
    return connect().sql(query).to_arrow_reader(_BATCH_ROWS)


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the rows of `query` as Parquet; whole or not at all."""
    with replacing(path) as temporary:
        connection.execute(f"COPY ({query}) TO '{_quoted(temporary)}' (FORMAT parquet, COMPRESSION zstd)")


def _quoted(path: Path | str) -> str:
    return str(path).replace("'", "''")
