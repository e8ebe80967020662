"""What the page shows, counted: the star's files summed so far that a phone can filter them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dashboards import clocks, ledger, readback
from dashboards.tables import TABLES
from dentline.recipe import Recipe

LATENCY_BASE = 1.05
"""Latencies are counted in bins that grow by 5 %, so that percentiles of any choice can be told to within 2.5 %."""

P_BINS = 20
_MOST_PARTS = 40
_OTHERS = "(others)"
_MOST_DEFECTS = 3000
_MOST_FLAGGED = 60

_AT = """printf('%04d-%02d-%02d %02d:%02d', date_key // 10000, date_key // 100 % 100, date_key % 100,
    time_key // 100, time_key % 100)"""
"""When it was, by the station's clock."""

_VIEWS = f"""
CREATE TEMP TABLE shown_part AS SELECT part_key, part_id FROM fact_score JOIN dim_part USING (part_key)
    WHERE {{recent}} GROUP BY ALL ORDER BY count(*) DESC, part_id LIMIT {_MOST_PARTS};
CREATE TEMP VIEW named AS SELECT f.*, coalesce(p.part_id, '{_OTHERS}') AS part, station, model_id AS model,
    date_key AS day, time_key // 100 AS hour
    FROM fact_score f LEFT JOIN shown_part p USING (part_key) JOIN dim_station USING (station_key)
    JOIN dim_model USING (model_key) WHERE {{recent}};
CREATE TEMP VIEW judged AS SELECT f.*, coalesce(p.part_id, '{_OTHERS}') AS part, station, model_id AS model,
    date_key AS day FROM fact_feedback f LEFT JOIN shown_part p USING (part_key) JOIN dim_station USING (station_key)
    JOIN dim_model USING (model_key) WHERE {{recent}};
"""

_QUERIES = {
    "cells": """SELECT day, hour, part, station, model, count(*) AS n, sum(is_rejected) AS rejected
        FROM named GROUP BY ALL ORDER BY ALL""",
    "latency": f"""SELECT day, part, station, model,
        floor(ln(greatest(latency_ms, 0.01)) / ln({LATENCY_BASE})) AS bin, count(*) AS n FROM named GROUP BY ALL""",
    "scores": f"""SELECT day, part, station, model, least(floor(p * {P_BINS}), {P_BINS - 1}) AS bin, count(*) AS n
        FROM named GROUP BY ALL""",
    "looks": """SELECT day, part, station, model, count(*) AS n, sum(brightness) AS brightness,
        sum(contrast) AS contrast, sum(sharpness) AS sharpness, sum(saturation) AS saturation
        FROM named GROUP BY ALL ORDER BY ALL""",
    "feedback": """SELECT day, part, station, model, was_sampled AS sampled, was_rejected AS rejected,
        sum(n_judged) AS judged, sum(n_escapes) AS escapes, sum(n_false_rejects) AS false_rejects
        FROM judged GROUP BY ALL""",
    "defects": f"""SELECT n.day, n.part, n.station, n.model, round(d.x_px / n.width_px, 4) AS x,
        round(d.y_px / n.height_px, 4) AS y FROM fact_defect d JOIN named n USING (score_id)
        ORDER BY d.scored_at_utc DESC, score_id, defect_number LIMIT {_MOST_DEFECTS}""",
    "flagged": f"""SELECT n.day, {_AT} AS at, n.part, n.station, n.model,
        n.photo_id AS photo, round(n.p, 4) AS p, n.n_defects AS dents,
        (SELECT arg_max(truth, feedback_id) FROM fact_feedback b WHERE b.score_id = n.score_id) AS truth
        FROM named n WHERE is_rejected = 1 ORDER BY n.scored_at_utc DESC, n.score_id LIMIT {_MOST_FLAGGED}""",
    "drift": f"""SELECT date_key AS day, {_AT} AS at, station, model_id AS model,
        period, measure, n_photos AS n, round(psi, 4) AS psi, round(ks, 4) AS ks,
        round(psi_threshold, 4) AS psi_threshold, round(ks_threshold, 4) AS ks_threshold, is_alarm AS alarm
        FROM fact_drift JOIN dim_station USING (station_key) JOIN dim_model USING (model_key)
        WHERE {{recent}} AND is_alarm = 1 ORDER BY measured_at_utc""",
    "drift_days": """SELECT date_key AS day, station, model_id AS model, measure,
        round(max(greatest(psi / psi_threshold, ks / ks_threshold)), 4) AS ratio
        FROM fact_drift JOIN dim_station USING (station_key) JOIN dim_model USING (model_key)
        WHERE {recent} GROUP BY ALL ORDER BY ALL""",
    "models": """SELECT model_id AS model, model_name AS kind, strftime(trained_at_utc, '%Y-%m-%d %H:%M') AS trained,
        is_champion AS champion, strftime(promoted_at_utc, '%Y-%m-%d %H:%M') AS promoted, threshold, weights
        FROM dim_model ORDER BY trained_at_utc NULLS FIRST, model_id""",
    "metrics": """SELECT model_id AS model, split, metric, round(value, 4) AS value, round(low, 4) AS low,
        round(high, 4) AS high, n FROM fact_training_metric JOIN dim_model USING (model_key) ORDER BY ALL""",
    "curves": """SELECT model_id AS model, split, curve, point, x, round(y, 5) AS y, count
        FROM fact_evaluation JOIN dim_model USING (model_key) ORDER BY model, split, curve, point""",
}


def build(folder: Path, recipe: Recipe, name: str, days: int) -> dict[str, Any]:
    """Return what the page shows of the star in `folder`: tables by name, each as columns, and what they are about.

    Texts that repeat are numbers into ``names``.

    Args:
        days: how many days before the last answer are shown.
    """
    connection = readback.connect()
    for table in TABLES:
        path = folder / table.name / "*.csv" if table.is_fact else folder / f"{table.name}.csv"
        connection.execute(f"CREATE TEMP VIEW {table.name} AS {readback.rows(table, path)}")
    ((last,),) = connection.execute("SELECT max(date_key) FROM fact_score").fetchall()
    recent = "true"
    if last:
        recent = f"date_key >= {datetime.strptime(str(last), '%Y%m%d') - timedelta(days=days - 1):%Y%m%d}"
    connection.execute(_VIEWS.replace("{recent}", recent))
    names: dict[str, list[str]] = {"part": [], "station": [], "model": []}
    tables = {key: _columns(connection, sql.replace("{recent}", recent), names) for key, sql in _QUERIES.items()}
    costs = recipe.dashboard
    return {
        "about": {
            "name": name,
            "part": recipe.name,
            "clock": str(clocks.of(costs)),
            "exported_at": ledger.load(folder / "export.json").exported_at,
            "currency": costs.currency,
            "cost_escape": costs.cost_escape,
            "cost_false_reject": costs.cost_false_reject,
            "latency_base": LATENCY_BASE,
            "p_bins": P_BINS,
        },
        "names": names,
        "tables": tables,
    }


def as_script(cube: dict[str, Any]) -> str:
    """Return the cube as JSON that may stand in a script element: no text can end it."""
    text = json.dumps(cube, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _columns(connection: duckdb.DuckDBPyConnection, sql: str, names: dict[str, list[str]]) -> dict[str, list[Any]]:
    done = connection.execute(sql)
    header = [column[0] for column in done.description or ()]
    values = list(zip(*done.fetchall(), strict=True)) or [()] * len(header)
    columns: dict[str, list[Any]] = {}
    for key, column in zip(header, values, strict=True):
        if key in names:
            known = {text: number for number, text in enumerate(names[key])}
            columns[key] = [known.setdefault(text, len(known)) for text in column]
            names[key] = list(known)
        else:
            columns[key] = [int(v) if isinstance(v, float) and v.is_integer() else v for v in column]
    return columns
