"""The report as PBIR text: three pages of visuals over the model."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

_SCHEMA = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/{}/schema.json"
PAGE_WIDTH, PAGE_HEIGHT = 1280, 720
_MARGIN = 16

Kind = Literal["card", "lineChart", "clusteredColumnChart", "clusteredBarChart", "scatterChart", "tableEx", "slicer"]


@dataclass(frozen=True)
class Visual:
    """One visual on a grid of 12 columns and 12 rows.

    Attributes:
        place: column, row, columns wide, rows high.
        roles: the fields of each role of the visual, as ``table[column]`` or ``table[Measure]``.
    """

    kind: Kind
    title: str
    place: tuple[int, int, int, int]
    roles: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Page:
    """One page of the report."""

    name: str
    visuals: tuple[Visual, ...]


def _slicers() -> tuple[Visual, ...]:
    fields = (
        ("Days", "dim_date[date]"),
        ("Part", "dim_part[part_id]"),
        ("Station", "dim_station[station]"),
        ("Model", "dim_model[model_id]"),
    )
    return tuple(
        Visual("slicer", title, (3 * number, 0, 3, 1), {"Values": (name,)})
        for number, (title, name) in enumerate(fields)
    )


def _cards(row: int, *fields: tuple[str, str]) -> tuple[Visual, ...]:
    width = 12 // len(fields)
    return tuple(
        Visual("card", title, (width * number, row, width, 2), {"Values": (name,)})
        for number, (title, name) in enumerate(fields)
    )


PAGES = (
    Page(
        "Today",
        (
            *_slicers(),
            *_cards(
                1,
                ("Answers, last day", "fact_score[Answers Last Day]"),
                ("Yield, last day", "fact_score[Yield Last Day]"),
                ("Latency p95, ms", "fact_score[Latency p95 (ms)]"),
                ("Drift alarms", "fact_drift[Drift Alarms]"),
            ),
            Visual(
                "lineChart",
                "Yield by day and station",
                (0, 3, 6, 4),
                {"Category": ("dim_date[date]",), "Series": ("dim_station[station]",), "Y": ("fact_score[Yield]",)},
            ),
            Visual(
                "clusteredColumnChart",
                "Defect rate by hour (UTC)",
                (6, 3, 6, 4),
                {"Category": ("dim_time[hour]",), "Y": ("fact_score[Defect Rate]",)},
            ),
            Visual(
                "clusteredColumnChart",
                "Answers by day",
                (0, 7, 6, 5),
                {"Category": ("dim_date[date]",), "Y": ("fact_score[Answers]", "fact_score[Rejected]")},
            ),
            Visual(
                "lineChart",
                "Latency by day, ms",
                (6, 7, 6, 5),
                {
                    "Category": ("dim_date[date]",),
                    "Y": tuple(f"fact_score[Latency p{percent} (ms)]" for percent in (50, 95, 99)),
                },
            ),
        ),
    ),
    Page(
        "Quality",
        (
            *_slicers(),
            *_cards(
                1,
                ("Yield", "fact_score[Yield]"),
                ("Escape rate of the sample", "fact_feedback[Escape Rate]"),
                ("False rejects of the rejected", "fact_feedback[False Reject Rate]"),
                ("Cost a day", "fact_feedback[Cost per Day]"),
            ),
            Visual(
                "lineChart",
                "Escapes and false rejects by day",
                (0, 3, 6, 4),
                {"Category": ("dim_date[date]",), "Y": ("fact_feedback[Escapes]", "fact_feedback[False Rejects]")},
            ),
            Visual(
                "lineChart",
                "Cost a day",
                (6, 3, 6, 4),
                {"Category": ("dim_date[date]",), "Y": ("fact_feedback[Cost per Day]",)},
            ),
            Visual(
                "clusteredBarChart",
                "Defect rate by part",
                (0, 7, 4, 5),
                {"Category": ("dim_part[part_id]",), "Y": ("fact_score[Defect Rate]",)},
            ),
            Visual(
                "clusteredBarChart",
                "Defect rate by station",
                (4, 7, 4, 5),
                {"Category": ("dim_station[station]",), "Y": ("fact_score[Defect Rate]",)},
            ),
            Visual(
                "tableEx",
                "Parts",
                (8, 7, 4, 5),
                {
                    "Values": (
                        "dim_part[part_id]",
                        "fact_score[Answers]",
                        "fact_score[Defect Rate]",
                        "fact_feedback[Escapes]",
                        "fact_feedback[False Rejects]",
                    )
                },
            ),
        ),
    ),
    Page(
        "Models",
        (
            *_slicers(),
            *_cards(
                1,
                ("Champion", "dim_model[Champion]"),
                ("Worst drift (1 alarms)", "fact_drift[Drift]"),
                ("Answers judged", "fact_feedback[Judged]"),
            ),
            Visual(
                "tableEx",
                "Metrics with their 95 % intervals",
                (0, 3, 6, 4),
                {
                    "Values": (
                        "dim_model[model_id]",
                        "fact_training_metric[split]",
                        "fact_training_metric[metric]",
                        "fact_training_metric[Metric]",
                        "fact_training_metric[Metric Low]",
                        "fact_training_metric[Metric High]",
                        "fact_training_metric[n]",
                    )
                },
            ),
            Visual(
                "lineChart",
                "Drift by day and measure",
                (6, 3, 6, 4),
                {"Category": ("dim_date[date]",), "Series": ("fact_drift[measure]",), "Y": ("fact_drift[PSI]",)},
            ),
            Visual(
                "tableEx",
                "Curves",
                (0, 7, 6, 5),
                {
                    "Values": (
                        "dim_model[model_id]",
                        "fact_evaluation[split]",
                        "fact_evaluation[curve]",
                        "fact_evaluation[x]",
                        "fact_evaluation[Curve]",
                    )
                },
            ),
            Visual(
                "clusteredBarChart",
                "Defect rate by model",
                (6, 7, 6, 5),
                {"Category": ("dim_model[model_id]",), "Y": ("fact_score[Defect Rate]",)},
            ),
        ),
    ),
)
"""The pages, in their order."""


def files(is_measure: set[str]) -> dict[str, Any]:
    """Return the content of each JSON file below ``definition/``.

    Args:
        is_measure: the fields, as ``table[Measure]``, that are measures; others are columns.
    """
    report = {
        "$schema": _SCHEMA.format("report/2.0.0"),
        "themeCollection": {
            "baseTheme": {"name": "CY24SU10", "reportVersionAtImport": "5.61", "type": "SharedResources"}
        },
        "settings": {"useEnhancedTooltips": True, "defaultDrillFilterOtherVisuals": True},
    }
    written: dict[str, Any] = {
        "report.json": report,
        "version.json": {"$schema": _SCHEMA.format("versionMetadata/1.0.0"), "version": "2.0.0"},
        "pages/pages.json": {
            "$schema": _SCHEMA.format("pagesMetadata/1.0.0"),
            "pageOrder": [_id(page.name) for page in PAGES],
            "activePageName": _id(PAGES[0].name),
        },
    }
    for page in PAGES:
        folder = f"pages/{_id(page.name)}"
        written[f"{folder}/page.json"] = {
            "$schema": _SCHEMA.format("page/2.0.0"),
            "name": _id(page.name),
            "displayName": page.name,
            "displayOption": "FitToPage",
            "height": PAGE_HEIGHT,
            "width": PAGE_WIDTH,
        }
        for number, visual in enumerate(page.visuals):
            name = _id(f"{page.name}/{visual.kind}/{visual.title}")
            written[f"{folder}/visuals/{name}/visual.json"] = _visual(visual, name, number, is_measure)
    return written


def _visual(visual: Visual, name: str, number: int, is_measure: set[str]) -> dict[str, Any]:
    column, row, wide, high = visual.place
    step_x, step_y = (PAGE_WIDTH - _MARGIN) / 12, (PAGE_HEIGHT - _MARGIN) / 12
    title = {"show": _literal("true"), "text": _literal("'" + visual.title.replace("'", "''") + "'")}
    roles = {
        role: {"projections": [_projection(field, field in is_measure) for field in fields]}
        for role, fields in visual.roles.items()
    }
    return {
        "$schema": _SCHEMA.format("visualContainer/2.0.0"),
        "name": name,
        "position": {
            "x": round(_MARGIN + column * step_x),
            "y": round(_MARGIN + row * step_y),
            "z": number,
            "width": round(wide * step_x - _MARGIN),
            "height": round(high * step_y - _MARGIN),
            "tabOrder": number,
        },
        "visual": {
            "visualType": visual.kind,
            "query": {"queryState": roles},
            "visualContainerObjects": {"title": [{"properties": title}]},
            "drillFilterOtherVisuals": True,
        },
    }


def _projection(field: str, measure: bool) -> dict[str, Any]:
    table, name = field.removesuffix("]").split("[")
    reference = {"Expression": {"SourceRef": {"Entity": table}}, "Property": name}
    projection: dict[str, Any] = {
        "field": {"Measure" if measure else "Column": reference},
        "queryRef": f"{table}.{name}",
        "nativeQueryRef": name,
    }
    return projection if measure else {**projection, "active": True}


def _literal(value: str) -> dict[str, Any]:
    return {"expr": {"Literal": {"Value": value}}}


def _id(name: str) -> str:
    """Return the name Power BI knows a page or visual by: 20 hex digits, the same for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()[:20]
