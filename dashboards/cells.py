"""A table's rows as CSV and Parquet cells: keys, UTC, nulls, and no text that a spreadsheet would run."""

from pathlib import Path

import duckdb

from dashboards.tables import Column, Table
from dentline.files import replacing

BOM = "\ufeff"

_FORMULA = "(^|[,;|])([ \"]*)([=+\\-@'＝＋－＠])"
"""Where a spreadsheet would begin a formula: at the start of a cell, or after what some locale takes for a separator.

An apostrophe at the start is guarded too, so that it can only mean one thing. (OWASP, "CSV Injection".)
"""


def connect() -> duckdb.DuckDBPyConnection:
    """Return a DuckDB with the macros that `projection` uses; it spills to disk past 512 MB."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '512MB'; SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
    connection.execute(
        "CREATE MACRO key_of(t) AS CASE WHEN t IS NULL THEN 0 ELSE ('0x' || left(md5(t), 12))::BIGINT END"
    )
    connection.execute("CREATE MACRO one_line(t) AS nullif(regexp_replace(t, '[\\x00-\\x1f\\x7f]+', ' ', 'g'), '')")
    connection.execute("CREATE MACRO day_key(t) AS (year(t) * 10000 + month(t) * 100 + day(t))::BIGINT")
    connection.execute("CREATE MACRO minute_key(t) AS (hour(t) * 100 + minute(t))::BIGINT")
    quoted = _FORMULA.replace("'", "''")
    connection.execute(f"CREATE MACRO harmless(t) AS regexp_replace(one_line(t), '{quoted}', '\\1\\2''\\3', 'g')")
    return connection


def cell(column: Column) -> str:
    """Return the SQL for one column, from a source column of its name.

    Keys come from the source columns ``moment`` (date and time), ``part_id``, ``station`` and ``model_id``.
    """
    name = column.name
    match column.refers:
        case "dim_date":
            return f"day_key(moment::TIMESTAMP) AS {name}"
        case "dim_time":
            return f"minute_key(moment::TIMESTAMP) AS {name}"
        case "dim_part":
            return f"key_of(part_id) AS {name}"
        case "dim_station":
            return f"key_of(station) AS {name}"
        case "dim_model":
            return f"key_of(model_id) AS {name}"
    match column.kind:
        case "text":
            return f"{'harmless' if column.typed else 'one_line'}({name}::VARCHAR) AS {name}"
        case "number":
            return f"CASE WHEN isfinite({name}::DOUBLE) THEN {name}::FLOAT END AS {name}"
        case "integer":
            return f"{name}::BIGINT AS {name}"
        case "date":
            return f"{name}::DATE AS {name}"
        case "time":
            return f"date_trunc('second', {name}::TIMESTAMP) AS {name}"


def projection(table: Table, source: str) -> str:
    """Return a query for the rows of `table` from the relation `source`, columns in the table's order."""
    return f"SELECT {', '.join(cell(c) for c in table.columns)} FROM {source}"


def nothing(table: Table) -> str:
    """Return a query for a source of `table` without a row."""
    names = [c.name for c in table.columns if not c.refers]
    keys = "NULL::TIMESTAMP AS moment, NULL::VARCHAR AS part_id, NULL::VARCHAR AS station, NULL::VARCHAR AS model_id"
    return f"SELECT {', '.join(f'NULL AS {n}' for n in names)}, {keys} WHERE false"


def write_csv(connection: duckdb.DuckDBPyConnection, table: Table, query: str, path: Path) -> int:
    """Write the rows of `query`, with one header line and a byte order mark, to `path`. Return how many.

    The file appears whole or not at all.
    """
    head = table.columns[0].name
    with replacing(path) as temporary:
        done = connection.execute(
            f"COPY (SELECT {head} AS \"{BOM}{head}\", * EXCLUDE ({head}) FROM ({query})) TO '{_quoted(temporary)}' "
            "(FORMAT csv, HEADER, NULLSTR '', DATEFORMAT '%Y-%m-%d', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S')"
        )
        (count,) = done.fetchone() or (0,)
    return int(count)


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
