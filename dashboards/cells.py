"""A table's rows as CSV and Parquet cells: keys, UTC, nulls, and no text that a spreadsheet would run."""

import hashlib
from pathlib import Path

import duckdb
from pyarrow import csv

from dashboards.tables import UNKNOWN_KEY, Column, Table
from dentline.files import replacing

BOM = "\ufeff"
_BATCH_ROWS = 65_536

_FORMULA = "(^|[,;|])([ \"]*)([=+\\-@'＝＋－＠])"
"""Where a spreadsheet would begin a formula: at the start of a cell, or after what some locale takes for a separator.

An apostrophe at the start is guarded too, so that it can only mean one thing. (OWASP, "CSV Injection".)
"""

_DOUBTFUL = "[\\x00-\\x1f\\x7f,;|]|^[ \"]*[=+\\-@'＝＋－＠]"
"""What a text must have for `_FORMULA` to be worth looking for: most have not."""


def key_of(name: str | None) -> int:
    """Return the key of a name: 0 where none was given, else the same 48 bits of it always."""
    return UNKNOWN_KEY if name is None else int(hashlib.md5(name.encode()).hexdigest()[:12], 16)


def connect() -> duckdb.DuckDBPyConnection:
    """Return a DuckDB with the macros that `projection` uses; it spills to disk past 512 MB."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '512MB'; SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
    connection.execute("CREATE MACRO one_line(t) AS regexp_replace(t, '[\\x00-\\x1f\\x7f]+', ' ', 'g')")
    connection.execute("CREATE MACRO day_key(t) AS (year(t) * 10000 + month(t) * 100 + day(t))::BIGINT")
    connection.execute("CREATE MACRO minute_key(t) AS (hour(t) * 100 + minute(t))::BIGINT")
    formula, doubtful = (text.replace("'", "''") for text in (_FORMULA, _DOUBTFUL))
    connection.execute(
        f"CREATE MACRO harmless(t) AS nullif(CASE WHEN regexp_matches(t, '{doubtful}') "
        f"THEN regexp_replace(one_line(t), '{formula}', '\\1\\2''\\3', 'g') ELSE t END, '')"
    )
    return connection


def cell(column: Column) -> str:
    """Return the SQL for one column, from a source column of its name.

    The source has the other keys already, and ``moment``, which date and time are made of.
    """
    name = column.name
    match column.refers:
        case "dim_date":
            return f"day_key(moment::TIMESTAMP) AS {name}"
        case "dim_time":
            return f"minute_key(moment::TIMESTAMP) AS {name}"
        case "dim_part" | "dim_station" | "dim_model":
            return f"{name}::BIGINT AS {name}"
    match column.kind:
        case "text":
            return f"harmless({name}::VARCHAR) AS {name}" if column.typed else f"nullif({name}::VARCHAR, '') AS {name}"
        case "number":
            return f"CASE WHEN isfinite({name}::DOUBLE) THEN {name}::FLOAT END AS {name}"
        case "integer":
            return f"{name}::BIGINT AS {name}"
        case "date":
            return f"{name}::DATE AS {name}"
        case "time":
            return f"left({name}::VARCHAR, 19) AS {name}"


def projection(table: Table, source: str) -> str:
    """Return a query for the rows of `table` from the relation `source`, columns in the table's order."""
    return f"SELECT {', '.join(cell(c) for c in table.columns)} FROM {source}"


def nothing(table: Table) -> str:
    """Return a query for a source of `table` without a row."""
    names = [c.name for c in table.columns if c.refers not in ("dim_date", "dim_time")]
    return f"SELECT {', '.join(f'NULL AS {n}' for n in names)}, NULL::TIMESTAMP AS moment WHERE false"


def write_csv(connection: duckdb.DuckDBPyConnection, table: Table, query: str, path: Path) -> int:
    """Write the rows of `query`, with one header line and a byte order mark, to `path`. Return how many.

    The file appears whole or not at all.
    """
    count = 0
    with replacing(path) as temporary, temporary.open("wb") as sink:
        sink.write((BOM + ",".join(c.name for c in table.columns) + "\n").encode())
        rows = connection.sql(query).to_arrow_reader(_BATCH_ROWS)
        options = csv.WriteOptions(include_header=False, quoting_style="needed")
        with csv.CSVWriter(sink, rows.schema, write_options=options) as writer:
            for batch in rows:
                writer.write_batch(batch)
                count += batch.num_rows
    return count


def read_csv(table: Table, path: Path | str) -> str:
    """Return a query for the typed rows of a CSV, or of every CSV that a pattern names."""
    kinds = {"text": "VARCHAR", "integer": "BIGINT", "number": "FLOAT", "date": "DATE", "time": "TIMESTAMP"}
    columns = ", ".join(f"'{c.name}': '{kinds[c.kind]}'" for c in table.columns)
    return (
        f"SELECT * FROM read_csv('{_quoted(path)}', header = true, delim = ',', quote = '\"', nullstr = '', "
        f"auto_detect = false, columns = {{{columns}}}, timestampformat = '%Y-%m-%dT%H:%M:%S')"
    )


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the rows of `query` as Parquet; whole or not at all."""
    with replacing(path) as temporary:
        connection.execute(f"COPY ({query}) TO '{_quoted(temporary)}' (FORMAT parquet, COMPRESSION zstd)")


def _quoted(path: Path | str) -> str:
    return str(path).replace("'", "''")
