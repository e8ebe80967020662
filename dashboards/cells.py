"""A table's rows as CSV cells: keys, UTC, nulls, and no text that a spreadsheet would run."""

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import compute, csv

from dashboards.columns import UNKNOWN_KEY, Column, Kind, Table
from dentline.files import replacing

BOM = "\ufeff"
_WRITTEN_ROWS = 8192

_FORMULA = "(^|[,;|])([ \"]*)([=+\\-@'＝＋－＠])"
"""Where a spreadsheet would begin a formula: at the start of a cell, or after what some locale takes for a separator.

An apostrophe at the start is guarded too, so that it can only mean one thing. (OWASP, "CSV Injection".)
"""

_DOUBTFUL = "[\\x00-\\x1f\\x7f,;|]|^[ \"]*[=+\\-@'＝＋－＠]"
"""What a text must have for `_FORMULA` to be worth looking for: most have not."""

_TYPES: dict[Kind, pyarrow.DataType] = {
    "text": pyarrow.string(),
    "integer": pyarrow.int64(),
    "number": pyarrow.float32(),
    "date": pyarrow.date32(),
    "time": pyarrow.string(),
}


def key_of(name: str | None) -> int:
    """Return the key of a name: 0 where none was given, else the same 48 bits of it always."""
    return UNKNOWN_KEY if name is None else int(hashlib.md5(name.encode()).hexdigest()[:12], 16)


def schema(table: Table) -> pyarrow.Schema:
    """Return the columns of a table as its files hold them."""
    return pyarrow.schema([(column.name, _TYPES[column.kind]) for column in table.columns])


def finish(table: Table, columns: Mapping[str, pyarrow.Array]) -> pyarrow.RecordBatch:
    """Return rows of `table` as its files hold them, from columns of the same names."""
    done = [_finished(column, columns[column.name]) for column in table.columns]
    return pyarrow.RecordBatch.from_arrays(done, schema=schema(table))


def of_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> pyarrow.RecordBatch:
    """Return a few rows, as :func:`finish` does; what a row does not name is null."""
    types = {c.name: pyarrow.float64() if c.kind == "number" else _TYPES[c.kind] for c in table.columns}
    return finish(table, {n: pyarrow.array([row.get(n) for row in rows], kind) for n, kind in types.items()})


def harmless(texts: pyarrow.Array) -> pyarrow.Array:
    """Return texts on one line each, with an apostrophe where a spreadsheet would begin a formula."""
    if not compute.any(compute.match_substring_regex(texts, _DOUBTFUL)).as_py():
        return texts
    lines = compute.replace_substring_regex(texts, "[\\x00-\\x1f\\x7f]+", " ")
    return compute.replace_substring_regex(lines, _FORMULA, "\\1\\2'\\3")


def write_csv(table: Table, batches: Iterable[pyarrow.RecordBatch], path: Path, onto: bool = False) -> int:
    """Write finished rows, with one header line and a byte order mark, to `path`. Return how many.

    The file appears whole or not at all.

    Args:
        onto: add the rows to those that `path` has.
    """
    count = 0
    with replacing(path) as temporary:
        if onto:
            shutil.copyfile(path, temporary)
        with temporary.open("ab") as sink:
            if not onto:
                sink.write((BOM + ",".join(c.name for c in table.columns) + "\n").encode())
            options = csv.WriteOptions(include_header=False, quoting_style="needed", batch_size=_WRITTEN_ROWS)
            with csv.CSVWriter(sink, schema(table), write_options=options) as writer:
                for batch in batches:
                    writer.write_batch(batch)
                    count += batch.num_rows
    return count


def _finished(column: Column, values: pyarrow.Array) -> pyarrow.Array:
    match column.kind:
        case "text":
            texts = harmless(values) if column.typed else values
            return _without(compute.equal(texts, ""), texts)
        case "number":
            numbers = values.cast(pyarrow.float32(), safe=False)
            return _without(compute.invert(compute.is_finite(numbers)), numbers)
        case "time":
            return compute.utf8_slice_codeunits(values, 0, 19)
        case _:
            return values.cast(_TYPES[column.kind])


def _without(is_nothing: pyarrow.Array, values: pyarrow.Array) -> pyarrow.Array:
    """Return the values with null where they are nothing; mostly none is, and nothing is copied."""
    return compute.if_else(is_nothing, None, values) if compute.any(is_nothing).as_py() else values
