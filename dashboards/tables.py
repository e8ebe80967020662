"""The star as data: every table and column, its type and meaning.

One source for the CSV and Parquet files, the Power BI model, the page and docs/dashboard-columns.md.
Facts hold what happened and point at dimensions by integer keys; dimensions hold what things are called.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "date", "time"]
"""``time`` is an instant in UTC, written without an offset; flags are integers, 0 or 1, so that they add up."""

UNKNOWN_KEY = 0
"""The key of "not given", a row of every dimension that a request may leave open."""


@dataclass(frozen=True)
class Column:
    """One column. `refers` names the dimension whose key it holds; `typed` says that people typed its text."""

    name: str
    kind: Kind
    meaning: str
    refers: str = ""
    optional: bool = False
    typed: bool = False


@dataclass(frozen=True)
class Table:
    """One table; `key` holds the columns whose values are unique, `month` the instant a fact is filed by."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    month: str = ""

    @property
    def is_fact(self) -> bool:
        return bool(self.month)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


def _text(name: str, meaning: str, optional: bool = False, typed: bool = False) -> Column:
    return Column(name, "text", meaning, optional=optional, typed=typed)


def _integer(name: str, meaning: str, optional: bool = False) -> Column:
    return Column(name, "integer", meaning, optional=optional)


def _number(name: str, meaning: str, optional: bool = False) -> Column:
    return Column(name, "number", meaning, optional=optional)


def _time(name: str, meaning: str, optional: bool = False) -> Column:
    return Column(name, "time", meaning, optional=optional)


DATE_KEY = Column("date_key", "integer", "day in UTC as YYYYMMDD", "dim_date")
TIME_KEY = Column("time_key", "integer", "minute of the day in UTC as HHMM (905 is 09:05)", "dim_time")
PART_KEY = Column("part_key", "integer", "the part photographed; 0 = not given", "dim_part")
STATION_KEY = Column("station_key", "integer", "the station that asked; 0 = not given", "dim_station")
MODEL_KEY = Column("model_key", "integer", "the model that answered", "dim_model")
WHERE = (DATE_KEY, TIME_KEY, PART_KEY, STATION_KEY, MODEL_KEY)

FACT_SCORE = Table(
    "fact_score",
    "One row an answer of the scoring service.",
    ("score_id",),
    (
        _text("score_id", "identity of the answer"),
        _text("request_id", "identity of the request, as the caller or the service gave it", typed=True),
        _time("scored_at_utc", "when the photo was scored"),
        *WHERE,
        _text("door", "the way in: http, v2, azure, command, batch"),
        _text("photo_id", "the photo's name, where the request gave one", optional=True, typed=True),
        _text("photo_sha256", "fingerprint of the photo's bytes"),
        _integer("width_px", "width of the photo"),
        _integer("height_px", "height of the photo"),
        _number("p", "probability of the likeliest dent, 0 to 1"),
        _number("threshold", "probability from which the model calls a dent"),
        _integer("is_rejected", "1 where the verdict was a dent, else 0"),
        _integer("n_defects", "number of dents found"),
        _number("latency_ms", "time from the photo's bytes to the answer"),
        _number("brightness", "mean grey level, 0 to 255", optional=True),
        _number("contrast", "standard deviation of the grey levels", optional=True),
        _number("sharpness", "variance of the grey levels' Laplacian in the middle of the photo", optional=True),
        _number("saturation", "mean difference of the largest and smallest colour channel, 0 to 255", optional=True),
        _number("distance", "distance of the picture's features from the training photos'", optional=True),
        _text("camera", "maker and model of the camera, as the photo says", optional=True, typed=True),
    ),
    month="scored_at_utc",
)

FACT_DEFECT = Table(
    "fact_defect",
    "One row a dent found in an answer.",
    ("score_id", "defect_number"),
    (
        _text("score_id", "the answer it belongs to"),
        _integer("defect_number", "1 for the likeliest dent of the photo"),
        _time("scored_at_utc", "when the photo was scored"),
        *WHERE,
        _number("x_px", "place in the photo, from the left edge"),
        _number("y_px", "place in the photo, from the top edge"),
        _number("p", "probability of a dent there"),
    ),
    month="scored_at_utc",
)

FACT_FEEDBACK = Table(
    "fact_feedback",
    "One row a judgement of an operator. A later judgement of the same answer adds the difference, so sums stay right.",
    ("feedback_id",),
    (
        _text("feedback_id", "identity of the judgement"),
        _text("score_id", "the answer judged"),
        _time("given_at_utc", "when it was given; the other dates and keys are the answer's"),
        *WHERE,
        _text("operator", "who judged", optional=True, typed=True),
        _text("truth", "dent or clean, as the operator saw it"),
        _integer("was_rejected", "1 where the model had called a dent"),
        _integer("was_sampled", "1 where the answer was shown as a sample of what passed"),
        _integer("n_marked", "number of dents the operator marked"),
        _integer("n_judged", "1 for the first judgement of an answer, 0 for a correction"),
        _integer("n_escapes", "added dents that the model had let pass; -1 takes an earlier one back"),
        _integer("n_false_rejects", "added clean parts that the model had rejected; -1 takes one back"),
        _text("note", "what the operator wrote", optional=True, typed=True),
    ),
    month="given_at_utc",
)

FACT_TRAINING_METRIC = Table(
    "fact_training_metric",
    "One row a metric of a training run on one split.",
    ("model_key", "split", "metric"),
    (
        MODEL_KEY,
        DATE_KEY,
        _time("trained_at_utc", "when the run began"),
        _text("split", "test or validation"),
        _text("metric", "name of the metric, as in metrics.json"),
        _number("value", "its value", optional=True),
        _number("low", "lower end of its 95 % interval, bootstrap over groups", optional=True),
        _number("high", "upper end of its 95 % interval", optional=True),
        _integer("n", "on how many patches or photos it was measured", optional=True),
    ),
    month="trained_at_utc",
)

FACT_EVALUATION = Table(
    "fact_evaluation",
    "One row a point of a curve, or a cell of the confusion matrix, of a training run.",
    ("model_key", "split", "curve", "point"),
    (
        MODEL_KEY,
        DATE_KEY,
        _time("trained_at_utc", "when the run began"),
        _text("split", "test, validation or train"),
        _text("curve", "roc, pr, confusion, or the name of a column of history.csv"),
        _integer("point", "place along the curve, from 1"),
        _number("x", "false positive rate (roc), recall (pr), epoch (history), true class 0 or 1 (confusion)"),
        _number("y", "true positive rate (roc), precision (pr), value (history), called class (confusion)"),
        _number("count", "how many, in a cell of the confusion matrix", optional=True),
    ),
    month="trained_at_utc",
)

FACT_DRIFT = Table(
    "fact_drift",
    "One row a measure, window and station: how far a window's pictures are from the training photos'.",
    ("drift_id",),
    (
        _text("drift_id", "identity of the check"),
        _time("measured_at_utc", "when the window ended"),
        DATE_KEY,
        TIME_KEY,
        STATION_KEY,
        MODEL_KEY,
        _text("period", "photos (the last 100), hour or day"),
        _text("measure", "which measure of the picture"),
        _integer("n_photos", "photos in the window"),
        _number("psi", "population stability index against the reference"),
        _number("ks", "Kolmogorov-Smirnov distance against the reference"),
        _number("psi_threshold", "alarm from this index on"),
        _number("ks_threshold", "alarm from this distance on"),
        _integer("is_alarm", "1 where a threshold was passed"),
    ),
    month="measured_at_utc",
)

DIM_MODEL = Table(
    "dim_model",
    "One row a trained model: each run, and each model that ever answered.",
    ("model_key",),
    (
        _integer("model_key", "key of the model"),
        _text("model_id", "its run"),
        _text("model_name", "kind of model", optional=True),
        _time("trained_at_utc", "when its run began", optional=True),
        _integer("is_champion", "1 for the model now served"),
        _time("promoted_at_utc", "when it was last made the champion", optional=True),
        _number("threshold", "probability from which it calls a dent", optional=True),
        _text("weights", "the weights it started from", optional=True),
        _text("data_fingerprint", "fingerprint of the patches it was trained on", optional=True),
    ),
)

DIM_PART = Table(
    "dim_part",
    "One row a part.",
    ("part_key",),
    (
        _integer("part_key", "key of the part; 0 = not given"),
        _text("part_id", "its name, as requests give it", typed=True),
    ),
)

DIM_STATION = Table(
    "dim_station",
    "One row a station.",
    ("station_key",),
    (
        _integer("station_key", "key of the station; 0 = not given"),
        _text("station", "its name, as requests give it", typed=True),
    ),
)

DIM_DATE = Table(
    "dim_date",
    "One row a day, whole years without a gap.",
    ("date_key",),
    (
        _integer("date_key", "the day as YYYYMMDD"),
        Column("date", "date", "the day"),
        _integer("year", "calendar year"),
        _integer("quarter", "1 to 4"),
        _integer("month", "1 to 12"),
        _text("year_month", "as 2026-11"),
        _integer("iso_year", "year of the ISO week"),
        _integer("iso_week", "ISO week, 1 to 53"),
        _integer("weekday", "1 Monday to 7 Sunday"),
        _text("weekday_name", "Monday to Sunday"),
        _integer("is_weekend", "1 on Saturday and Sunday"),
    ),
)

DIM_TIME = Table(
    "dim_time",
    "One row a minute of the day, in UTC.",
    ("time_key",),
    (
        _integer("time_key", "the minute as HHMM"),
        _integer("hour", "0 to 23"),
        _integer("minute", "0 to 59"),
        _text("hour_label", "as 09:00"),
        _text("part_of_day", "night 22-6, early 6-14, late 14-22"),
    ),
)

TABLES = (
    FACT_SCORE,
    FACT_DEFECT,
    FACT_FEEDBACK,
    FACT_TRAINING_METRIC,
    FACT_EVALUATION,
    FACT_DRIFT,
    DIM_MODEL,
    DIM_PART,
    DIM_STATION,
    DIM_DATE,
    DIM_TIME,
)
"""Every table of the star."""

_NAMES = (
    _text("part_id", "its part", optional=True, typed=True),
    _text("station", "the station that asked", optional=True, typed=True),
    _text("model_id", "the model that answered"),
)
_JUDGED = (
    _text("truth", "dent or clean, as an operator last saw it", optional=True),
    _integer("is_escape", "1 where an operator saw a dent that had passed", optional=True),
    _integer("is_false_reject", "1 where an operator saw none where one was called", optional=True),
)
WIDE = Table(
    "wide",
    "One row an answer with everything about it: for whoever wants one file. Not part of the star.",
    ("score_id",),
    (*(c for c in FACT_SCORE.columns if not c.refers), *_NAMES, *_JUDGED),
)

BY_NAME = {table.name: table for table in TABLES}


def dictionary() -> str:
    """Return the column dictionary as Markdown: the text of docs/dashboard-columns.md."""
    lines = [
        "# The columns of the dashboard",
        "",
        "Written by `python -m dashboards.tables` from `dashboards/tables.py`; a test holds it against the files.",
        "",
        "Files are UTF-8 with a byte order mark, comma separated, with dot decimals and one header line. An empty",
        "field is null. Columns ending in `_utc` are UTC, `YYYY-MM-DDTHH:MM:SS` without an offset. Facts lie in",
        "monthly files, `fact_score/fact_score_2026-11.csv`; every key resolves. Text that a spreadsheet would run as",
        "a formula has an apostrophe before it.",
    ]
    for table in (*TABLES, WIDE):
        filed = f" Filed by the month of `{table.month}`." if table.month else ""
        lines += ["", f"## {table.name}", "", f"{table.meaning}{filed} Unique: {', '.join(table.key)}.", ""]
        lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            refers = f" → `{column.refers}`" if column.refers else ""
            null = "yes" if column.optional else "no"
            lines.append(f"| `{column.name}` | {column.kind} | {null} | {column.meaning}{refers} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(dictionary(), end="")
