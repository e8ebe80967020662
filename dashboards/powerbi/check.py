"""Structural checks of a written Power BI project, read back from its files.

TMDL has no published schema, so this reads the text itself: tables, columns, measures, relationships.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dashboards.powerbi.model import DATA_TYPES
from dashboards.powerbi.report import PHONE_WIDTH
from dashboards.tables import BY_NAME

_REFERENCE = re.compile(r"(\w+)\[([^\]]+)\]")
_MEASURE_ONLY = re.compile(r"(?<![\w\]])\[([^\]]+)\]")


@dataclass
class _TmdlTable:
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    measures: dict[str, str] = field(default_factory=dict)
    properties: set[str] = field(default_factory=set)
    m: str = ""


def problems(folder: Path) -> list[str]:
    """Return what is wrong with the project in `folder`, nothing if nothing is."""
    definition = next(folder.glob("*.SemanticModel/definition"))
    tables = {path.stem: _read(path) for path in sorted((definition / "tables").glob("*.tmdl"))}
    return [
        *_indentation(definition),
        *_tables(tables),
        *_tags(definition),
        *_relationships(definition / "relationships.tmdl", tables),
        *_measures(tables),
        *_visuals(folder, tables),
        *_phone(folder),
        *_model(definition, tables),
    ]


def _read(path: Path) -> _TmdlTable:
    table = _TmdlTable()
    current: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if match := re.fullmatch(r"\tcolumn (\S+)", line):
            current = table.columns.setdefault(match[1], {})
        elif match := re.fullmatch(r"\tmeasure '([^']+)' = (.*)", line):
            table.measures[match[1]] = match[2]
            current = {}
        elif line.startswith("\tpartition "):
            current = {}
        elif line.startswith("\t\t\t"):
            table.m += text + "\n"
        elif match := re.fullmatch(r"\t\t(\w+)(?:: (.*))?", line):
            current[match[1]] = match[2] or "true"
        elif line.startswith("\t"):
            table.properties.add(text)
    return table


def _indentation(definition: Path) -> Iterator[str]:
    for path in sorted(definition.rglob("*.tmdl")):
        depth = 0
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            tabs = len(line) - len(line.lstrip("\t"))
            if line[tabs:].startswith(" "):
                yield f"{path.name}:{number}: indented by spaces"
            if tabs > depth + 2:
                yield f"{path.name}:{number}: indented by {tabs} after {depth}"
            depth = tabs


def _tables(tables: dict[str, _TmdlTable]) -> Iterator[str]:
    for name in sorted(set(BY_NAME) ^ set(tables)):
        yield f"table {name} is in the star or in the model, not in both"
    for name, table in tables.items():
        star = BY_NAME.get(name)
        if star is None:
            continue
        if [c.name for c in star.columns] != list(table.columns):
            yield f"{name}: its columns are not those of its CSV"
            continue
        for column in star.columns:
            written = table.columns[column.name]
            if written.get("dataType") != DATA_TYPES[column.kind]:
                yield f"{name}.{column.name}: type {written.get('dataType')}, its CSV holds {column.kind}"
            if written.get("sourceColumn") != column.name:
                yield f"{name}.{column.name}: reads {written.get('sourceColumn')}"
            if f'{{"{column.name}", ' not in table.m:
                yield f"{name}.{column.name}: is not typed in M"
            by = written.get("sortByColumn")
            if by is not None and by not in table.columns:
                yield f"{name}.{column.name}: sorted by {by}, which is no column"
        if '"en-US"' not in table.m:
            yield f"{name}: its types depend on the reader's culture"
        keys = [c for c, written in table.columns.items() if "isKey" in written]
        if len(keys) != (0 if star.is_fact else 1):
            yield f"{name}: has {len(keys)} keys"
    if "dim_date" in tables and "dataCategory: Time" not in tables["dim_date"].properties:
        yield "dim_date: is not marked as the date table"


def _tags(definition: Path) -> Iterator[str]:
    found: Counter[str] = Counter()
    for path in sorted(definition.rglob("*.tmdl")):
        text = path.read_text(encoding="utf-8")
        tags = re.findall(r"lineageTag: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", text, re.M)
        objects = re.findall(r"^\t?(?:table|column|measure|expression) ", text, re.M)
        if len(tags) != len(objects):
            yield f"{path.name}: {len(objects)} objects with {len(tags)} lineage tags"
        found.update(tags)
    yield from (f"lineage tag {tag} stands {count} times" for tag, count in found.items() if count > 1)


def _relationships(path: Path, tables: dict[str, _TmdlTable]) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    ends = re.findall(r"relationship \S+\n\tfromColumn: (\w+)\.(\w+)\n\ttoColumn: (\w+)\.(\w+)\n", text)
    if len(ends) != text.count("relationship "):
        yield "relationships.tmdl: a relationship lacks an end"
    for from_table, from_column, to_table, to_column in ends:
        sides = []
        for table, column in ((from_table, from_column), (to_table, to_column)):
            known = tables[table].columns if table in tables else {}
            if column not in known:
                yield f"relationships.tmdl: {table}.{column} does not exist"
            sides.append(known.get(column, {}).get("dataType"))
        if sides[0] != sides[1]:
            yield f"relationships.tmdl: {from_table}.{from_column} is {sides[0]}, {to_table}.{to_column} {sides[1]}"
    needed = {(t.name, c.name) for t in BY_NAME.values() for c in t.columns if c.refers}
    for table, column in sorted(needed - {(t, c) for t, c, _, _ in ends}):
        yield f"relationships.tmdl: {table}.{column} relates to nothing"


def _measures(tables: dict[str, _TmdlTable]) -> Iterator[str]:
    names = Counter(name for table in tables.values() for name in table.measures)
    yield from (f"measure {name} stands {count} times" for name, count in names.items() if count > 1)
    for table in tables.values():
        for name, dax in table.measures.items():
            for referred, column in _REFERENCE.findall(dax):
                if referred not in tables or column not in tables[referred].columns:
                    yield f"measure {name}: {referred}[{column}] does not exist"
            for measure in _MEASURE_ONLY.findall(dax):
                if measure not in names:
                    yield f"measure {name}: [{measure}] does not exist"
            if dax.count("(") != dax.count(")"):
                yield f"measure {name}: its parentheses do not close"


def _visuals(folder: Path, tables: dict[str, _TmdlTable]) -> Iterator[str]:
    for path in sorted(folder.glob("*.Report/definition/pages/*/visuals/*/visual.json")):
        visual = json.loads(path.read_text(encoding="utf-8"))["visual"]
        for role in visual["query"]["queryState"].values():
            for projection in role["projections"]:
                ((kind, reference),) = projection["field"].items()
                table = tables.get(reference["Expression"]["SourceRef"]["Entity"], _TmdlTable())
                known = table.measures if kind == "Measure" else table.columns
                if reference["Property"] not in known:
                    yield f"{path.parent.name}: {kind.lower()} {projection['queryRef']} does not exist"


def _phone(folder: Path) -> Iterator[str]:
    for page in sorted(folder.glob("*.Report/definition/pages/*/visuals")):
        lowest = 0.0
        for path in sorted(page.glob("*/visual.json"), key=lambda p: _position(p)["tabOrder"]):
            mobile = path.with_name("mobile.json")
            if not mobile.is_file():
                yield f"{path.parent.name}: has no place on a phone"
                continue
            at = _position(mobile)
            if at["x"] < 0 or at["x"] + at["width"] > PHONE_WIDTH:
                yield f"{path.parent.name}: is wider than a phone"
            if at["x"] == 0 and at["y"] < lowest:
                yield f"{path.parent.name}: lies on another on a phone"
            lowest = at["y"] + at["height"]


def _position(path: Path) -> dict[str, float]:
    position: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))["position"]
    return position


def _model(definition: Path, tables: dict[str, _TmdlTable]) -> Iterator[str]:
    referred = re.findall(r"^ref table (\w+)$", (definition / "model.tmdl").read_text(encoding="utf-8"), re.M)
    if sorted(referred) != sorted(tables):
        yield "model.tmdl: refers to other tables than there are"
    if "IsParameterQuery=true" not in (definition / "expressions.tmdl").read_text(encoding="utf-8"):
        yield "expressions.tmdl: DataFolder is no parameter"
