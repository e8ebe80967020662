"""The semantic model as TMDL text: tables, relationships, the parameter with the data folder, measures.

TMDL is Microsoft's Tabular Model Definition Language; indentation by tabs is its structure. Tags come from
names, so that a project written twice is the same and Power BI keeps what was built on it.
(https://learn.microsoft.com/analysis-services/tmdl/tmdl-overview)
"""

import uuid
from collections.abc import Iterator, Sequence

from dashboards.columns import Column, Kind, Table
from dashboards.powerbi.measures import Measure
from dashboards.tables import TABLES

DATA_TYPES: dict[Kind, str] = {
    "text": "string",
    "integer": "int64",
    "number": "double",
    "date": "dateTime",
    "time": "dateTime",
}
"""TMDL's type for each kind of column."""

_M_TYPES: dict[Kind, str] = {
    "text": "type text",
    "integer": "Int64.Type",
    "number": "type number",
    "date": "type date",
    "time": "type datetime",
}
_FORMATS: dict[Kind, str] = {"integer": "0", "date": "yyyy-mm-dd", "time": "yyyy-mm-dd hh:nn:ss"}
_SORTED_BY = {"weekday_name": "weekday", "hour_label": "hour"}
_NAMESPACE = uuid.UUID("6f0c8a4e-6f0e-4c55-9d4c-3f6c5c1f6a51")


def tag(name: str) -> str:
    """Return the lineage tag of an object: the same for the same name, always."""
    return str(uuid.uuid5(_NAMESPACE, name))


def files(data_folder: str, measures: Sequence[Measure]) -> dict[str, str]:
    """Return the text of each file below ``definition/``.

    Args:
        data_folder: the dashboard folder as Power BI will find it; the parameter's first value.
    """
    return {
        "database.tmdl": "database\n\tcompatibilityLevel: 1600\n",
        "model.tmdl": _model(),
        "expressions.tmdl": _expressions(data_folder),
        "relationships.tmdl": "\n".join(_relationships()),
        **{f"tables/{table.name}.tmdl": "\n".join(_table(table, measures)) + "\n" for table in TABLES},
    }


def _model() -> str:
    queries = ", ".join(f'"{name}"' for name in ("DataFolder", "ReadCsv", *(t.name for t in TABLES)))
    lines = [
        "model Model",
        "\tculture: en-US",
        "\tdefaultPowerBIDataSourceVersion: powerBI_V3",
        "\tdiscourageImplicitMeasures",
        "\tsourceQueryCulture: en-US",
        "\tdataAccessOptions",
        "\t\tlegacyRedirects",
        "\t\treturnErrorValuesAsNull",
        "",
        f"annotation PBI_QueryOrder = [{queries}]",
        "",
        "annotation __PBI_TimeIntelligenceEnabled = 0",
        "",
        *(f"ref table {table.name}" for table in TABLES),
    ]
    return "\n".join(lines) + "\n"


def _expressions(data_folder: str) -> str:
    value = data_folder.replace('"', '""')
    return f"""\
/// The folder that dentline export writes to.
expression DataFolder = "{value}" meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]
\tlineageTag: {tag("DataFolder")}

\tannotation PBI_ResultType = Text

/// One CSV file as a table of texts; an empty field is null.
expression ReadCsv =
\t\t(content as binary) as table =>
\t\tlet
\t\t\tRows = Csv.Document(content, [Delimiter = ",", Encoding = 65001, QuoteStyle = QuoteStyle.Csv]),
\t\t\tNamed = Table.PromoteHeaders(Rows, [PromoteAllScalars = true]),
\t\t\tNulls = Table.ReplaceValue(Named, "", null, Replacer.ReplaceValue, Table.ColumnNames(Named))
\t\tin
\t\t\tNulls
\tlineageTag: {tag("ReadCsv")}

\tannotation PBI_ResultType = Function
"""


def _relationships() -> Iterator[str]:
    for table in TABLES:
        for column in table.columns:
            if column.refers:
                yield f"relationship {tag(f'{table.name}.{column.name}->{column.refers}')}"
                yield f"\tfromColumn: {table.name}.{column.name}"
                yield f"\ttoColumn: {column.refers}.{column.name}"
                yield ""


def _table(table: Table, measures: Sequence[Measure]) -> Iterator[str]:
    yield f"/// {table.meaning}"
    yield f"table {table.name}"
    if table.name == "dim_date":
        yield "\tdataCategory: Time"
    yield f"\tlineageTag: {tag(table.name)}"
    yield ""
    for measure in measures:
        if measure.table == table.name:
            yield from _measure(measure)
    for column in table.columns:
        yield from _column(table, column)
    yield f"\tpartition {table.name} = m"
    yield "\t\tmode: import"
    yield "\t\tsource ="
    yield from ("\t\t\t\t" + line for line in _m(table))
    yield ""
    yield "\tannotation PBI_ResultType = Table"


def _measure(measure: Measure) -> Iterator[str]:
    yield f"\t/// {measure.meaning}"
    yield f"\tmeasure '{measure.name}' = {measure.dax}"
    if measure.format:
        yield f"\t\tformatString: {measure.format}"
    yield f"\t\tdisplayFolder: {measure.folder}"
    yield f"\t\tlineageTag: {tag(f'{measure.table}.{measure.name}')}"
    yield ""


def _column(table: Table, column: Column) -> Iterator[str]:
    yield f"\t/// {column.meaning}"
    yield f"\tcolumn {column.name}"
    yield f"\t\tdataType: {DATA_TYPES[column.kind]}"
    if column.refers or column.name in table.key:
        yield "\t\tisHidden"
    # A date table is marked by its date; the key of any other dimension is its own.
    marks = "date" if table.name == "dim_date" else table.key[0]
    if not table.is_fact and column.name == marks:
        yield "\t\tisKey"
    if column.kind in _FORMATS:
        yield f"\t\tformatString: {_FORMATS[column.kind]}"
    yield f"\t\tlineageTag: {tag(f'{table.name}.{column.name}')}"
    yield "\t\tsummarizeBy: none"
    yield f"\t\tsourceColumn: {column.name}"
    if column.name in _SORTED_BY:
        yield f"\t\tsortByColumn: {_SORTED_BY[column.name]}"
    yield ""
    yield "\t\tannotation SummarizationSetBy = User"
    if column.kind == "date":
        yield ""
        yield "\t\tannotation UnderlyingDateTimeDataType = Date"
    yield ""


def _m(table: Table) -> Iterator[str]:
    """Yield the M that reads a table: the file of a dimension, every monthly file of a fact."""
    folder = 'Text.TrimEnd(DataFolder, {"\\", "/"})'
    names = ", ".join(f'"{c.name}"' for c in table.columns)
    types = ", ".join(f'{{"{c.name}", {_M_TYPES[c.kind]}}}' for c in table.columns)
    yield "let"
    if table.is_fact:
        yield f'\tFiles = Folder.Files({folder} & "\\{table.name}"),'
        yield '\tMonths = Table.SelectRows(Files, each [Extension] = ".csv" and not Text.StartsWith([Name], ".")),'
        yield "\tRows = Table.Combine(List.Transform(Months[Content], ReadCsv)),"
    else:
        yield f'\tRows = ReadCsv(File.Contents({folder} & "\\{table.name}.csv")),'
    yield f"\tColumns = Table.SelectColumns(Rows, {{{names}}}, MissingField.UseNull),"
    yield f'\tTyped = Table.TransformColumnTypes(Columns, {{{types}}}, "en-US")'
    yield "in"
    yield "\tTyped"
