"""The report as PBIR text: the pages of visuals over the model, and their layout on a phone."""

import hashlib
from typing import Any

from dashboards.powerbi.pages import PAGES, Page, Visual

_SCHEMA = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/{}/schema.json"
PAGE_WIDTH, PAGE_HEIGHT = 1280, 720
PHONE_WIDTH = 320
_MARGIN = 16
_GAP = 4
_SMALL, _LARGE = 96, 260
_HALF_WIDE = ("card", "slicer")
"""Visuals that stand two abreast on a phone."""


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
        for number, (visual, on_phone) in enumerate(zip(page.visuals, phone(page), strict=True)):
            name = _id(f"{page.name}/{visual.kind}/{visual.title}")
            written[f"{folder}/visuals/{name}/visual.json"] = _visual(visual, name, number, is_measure)
            x, y, width, height = on_phone
            written[f"{folder}/visuals/{name}/mobile.json"] = {
                "$schema": _SCHEMA.format("visualContainerMobileState/2.0.0"),
                "position": {"x": x, "y": y, "z": number, "height": height, "width": width, "tabOrder": number},
            }
    return written


def phone(page: Page) -> list[tuple[int, int, int, int]]:
    """Return where each visual of a page lies on a phone: x, y, width, height, one below the other."""
    places: list[tuple[int, int, int, int]] = []
    y, is_beside = 0, False
    for visual in page.visuals:
        if visual.kind in _HALF_WIDE:
            width = (PHONE_WIDTH - _GAP) // 2
            places.append((width + _GAP if is_beside else 0, y, width, _SMALL))
            y += (_SMALL + _GAP) * is_beside
            is_beside = not is_beside
        else:
            y += (_SMALL + _GAP) * is_beside
            is_beside = False
            places.append((0, y, PHONE_WIDTH, _LARGE))
            y += _LARGE + _GAP
    return places


def _visual(visual: Visual, name: str, number: int, is_measure: set[str]) -> dict[str, Any]:
    column, row, wide, high = visual.place
    step_x, step_y = (PAGE_WIDTH - _MARGIN) / 12, (PAGE_HEIGHT - _MARGIN) / 12
    title = {"show": _literal("true"), "text": _literal("'" + visual.title.replace("'", "''") + "'")}
    roles = {
        role: {"projections": [_projection(field, field in is_measure) for field in fields]}
        for role, fields in visual.roles.items()
    }
    axis = {"objects": {"categoryAxis": [{"properties": {"axisType": _literal("'Scalar'")}}]}}
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
            **(axis if visual.is_scalar else {}),
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
