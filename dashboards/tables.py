"""The star as data: every table and column, its type and meaning.

One source for the CSV and Parquet files, the Power BI model, the page and docs/dashboard-columns.md.
Facts hold what happened and point at dimensions by integer keys; dimensions hold what things are called.
"""

from dashboards.columns import Column, Table, integer, number, text, time

DATE_KEY = Column("date_key", "integer", "day at the station as YYYYMMDD, by the clock of dim_station", "dim_date")
TIME_KEY = Column("time_key", "integer", "minute of that day as HHMM (905 is 09:05)", "dim_time")
PART_KEY = Column("part_key", "integer", "the part photographed; 0 = not given", "dim_part")
STATION_KEY = Column("station_key", "integer", "the station that asked; 0 = not given", "dim_station")
MODEL_KEY = Column("model_key", "integer", "the model that answered", "dim_model")
WHERE = (DATE_KEY, TIME_KEY, PART_KEY, STATION_KEY, MODEL_KEY)

FACT_SCORE = Table(
    "fact_score",
    "One row an answer of the scoring service.",
    ("score_id",),
    (
        text("score_id", "identity of the answer"),
        text("request_id", "identity of the request, as the caller or the service gave it", typed=True),
        time("scored_at_utc", "when the photo was scored"),
        *WHERE,
        text("door", "the way in: http, v2, azure, command, batch"),
        text("photo_id", "the photo's name, where the request gave one", optional=True, typed=True),
        text("photo_sha256", "fingerprint of the photo's bytes"),
        integer("width_px", "width of the photo"),
        integer("height_px", "height of the photo"),
        number("p", "probability of the likeliest dent, 0 to 1"),
        number("threshold", "probability from which the model calls a dent"),
        integer("is_rejected", "1 where the verdict was a dent, else 0"),
        integer("n_defects", "number of dents found"),
        number("latency_ms", "time from the photo's bytes to the answer"),
        number("brightness", "mean grey level, 0 to 255", optional=True),
        number("contrast", "standard deviation of the grey levels", optional=True),
        number("sharpness", "variance of the grey levels' Laplacian in the middle of the photo", optional=True),
        number("saturation", "mean difference of the largest and smallest colour channel, 0 to 255", optional=True),
        number("distance", "distance of the picture's features from the training photos'", optional=True),
        text("camera", "maker and model of the camera, as the photo says", optional=True, typed=True),
    ),
    month="scored_at_utc",
)

FACT_DEFECT = Table(
    "fact_defect",
    "One row a dent found in an answer.",
    ("score_id", "defect_number"),
    (
        text("score_id", "the answer it belongs to"),
        integer("defect_number", "1 for the likeliest dent of the photo"),
        time("scored_at_utc", "when the photo was scored"),
        *WHERE,
        number("x_px", "place in the photo, from the left edge"),
        number("y_px", "place in the photo, from the top edge"),
        number("p", "probability of a dent there"),
    ),
    month="scored_at_utc",
)

FACT_FEEDBACK = Table(
    "fact_feedback",
    "One row a judgement of an operator. A later judgement of the same answer adds the difference, so sums stay right.",
    ("feedback_id",),
    (
        text("feedback_id", "identity of the judgement"),
        text("score_id", "the answer judged"),
        time("given_at_utc", "when it was given; the other dates and keys are the answer's"),
        *WHERE,
        text("operator", "who judged", optional=True, typed=True),
        text("truth", "dent or clean, as the operator saw it"),
        integer("was_rejected", "1 where the model had called a dent"),
        integer("was_sampled", "1 where the answer was shown as a sample of what passed"),
        integer("n_marked", "number of dents the operator marked"),
        integer("n_judged", "1 for the first judgement of an answer, 0 for a correction"),
        integer("n_escapes", "added dents that the model had let pass; -1 takes an earlier one back"),
        integer("n_false_rejects", "added clean parts that the model had rejected; -1 takes one back"),
        text("note", "what the operator wrote", optional=True, typed=True),
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
        time("trained_at_utc", "when the run began"),
        text("split", "test or validation"),
        text("metric", "name of the metric, as in metrics.json"),
        number("value", "its value", optional=True),
        number("low", "lower end of its 95 % interval, bootstrap over groups", optional=True),
        number("high", "upper end of its 95 % interval", optional=True),
        integer("n", "on how many patches or photos it was measured", optional=True),
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
        time("trained_at_utc", "when the run began"),
        text("split", "test, validation or train"),
        text("curve", "roc, pr, confusion, or the name of a column of history.csv"),
        integer("point", "place along the curve, from 1"),
        number("x", "false positive rate (roc), recall (pr), epoch (history), true class 0 or 1 (confusion)"),
        number("y", "true positive rate (roc), precision (pr), value (history), called class (confusion)"),
        number("count", "how many, in a cell of the confusion matrix", optional=True),
    ),
    month="trained_at_utc",
)

FACT_DRIFT = Table(
    "fact_drift",
    "One row a measure, window and station: how far a window's pictures are from the training photos'.",
    ("drift_id",),
    (
        text("drift_id", "identity of the check"),
        time("measured_at_utc", "when the window ended"),
        DATE_KEY,
        TIME_KEY,
        STATION_KEY,
        MODEL_KEY,
        text("period", "photos (the last 100 or 200), hour or day"),
        text("measure", "which measure of the picture"),
        integer("n_photos", "photos in the window"),
        number("psi", "population stability index against the reference"),
        number("ks", "Kolmogorov-Smirnov distance against the reference"),
        number("psi_threshold", "alarm from this index on"),
        number("ks_threshold", "alarm from this distance on"),
        integer("is_alarm", "1 where a threshold was passed"),
    ),
    month="measured_at_utc",
)

DIM_MODEL = Table(
    "dim_model",
    "One row a trained model: each run, and each model that ever answered.",
    ("model_key",),
    (
        integer("model_key", "key of the model"),
        text("model_id", "its run"),
        text("model_name", "kind of model", optional=True),
        time("trained_at_utc", "when its run began", optional=True),
        integer("is_champion", "1 for the model now served"),
        time("promoted_at_utc", "when it was last made the champion", optional=True),
        number("threshold", "probability from which it calls a dent", optional=True),
        text("weights", "the weights it started from", optional=True),
        text("data_fingerprint", "fingerprint of the patches it was trained on", optional=True),
    ),
)

DIM_PART = Table(
    "dim_part",
    "One row a part.",
    ("part_key",),
    (
        integer("part_key", "key of the part; 0 = not given"),
        text("part_id", "its name, as requests give it", typed=True),
    ),
)

DIM_STATION = Table(
    "dim_station",
    "One row a station.",
    ("station_key",),
    (
        integer("station_key", "key of the station; 0 = not given"),
        text("station", "its name, as requests give it", typed=True),
        text("time_zone", "the clock of its days and minutes, as the recipe says"),
    ),
)

DIM_DATE = Table(
    "dim_date",
    "One row a day, whole years without a gap.",
    ("date_key",),
    (
        integer("date_key", "the day as YYYYMMDD"),
        Column("date", "date", "the day"),
        integer("year", "calendar year"),
        integer("quarter", "1 to 4"),
        integer("month", "1 to 12"),
        text("year_month", "as 2026-11"),
        integer("iso_year", "year of the ISO week"),
        integer("iso_week", "ISO week, 1 to 53"),
        integer("weekday", "1 Monday to 7 Sunday"),
        text("weekday_name", "Monday to Sunday"),
        integer("is_weekend", "1 on Saturday and Sunday"),
    ),
)

DIM_TIME = Table(
    "dim_time",
    "One row a minute of the day.",
    ("time_key",),
    (
        integer("time_key", "the minute as HHMM"),
        integer("hour", "0 to 23"),
        integer("minute", "0 to 59"),
        text("hour_label", "as 09:00"),
        text("shift", "the shift it belongs to, as the recipe says; after midnight still the last one's"),
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
    text("part_id", "its part", optional=True, typed=True),
    text("station", "the station that asked", optional=True, typed=True),
    text("model_id", "the model that answered"),
)
_JUDGED = (
    text("truth", "dent or clean, as an operator last saw it", optional=True),
    integer("is_escape", "1 where an operator saw a dent that had passed", optional=True),
    integer("is_false_reject", "1 where an operator saw none where one was called", optional=True),
)
WIDE = Table(
    "wide",
    "One row an answer with everything about it: for whoever wants one file. Not part of the star.",
    ("score_id",),
    (*(c for c in FACT_SCORE.columns if not c.refers), *_NAMES, *_JUDGED),
)

BY_NAME = {table.name: table for table in TABLES}
