"""The report as data: three pages, and which visual shows what where."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["card", "lineChart", "clusteredColumnChart", "clusteredBarChart", "scatterChart", "tableEx", "slicer"]


@dataclass(frozen=True)
class Visual:
    """One visual on a grid of 12 columns and 12 rows.

    Attributes:
        place: column, row, columns wide, rows high.
        roles: the fields of each role of the visual, as ``table[column]`` or ``table[Measure]``.
        is_scalar: its category is a number along an axis, not a name.
    """

    kind: Kind
    title: str
    place: tuple[int, int, int, int]
    roles: dict[str, tuple[str, ...]]
    is_scalar: bool = False


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
                "Defect rate by hour of the station",
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
                (0, 7, 3, 5),
                {"Category": ("dim_part[part_id]",), "Y": ("fact_score[Defect Rate]",)},
            ),
            Visual(
                "clusteredBarChart",
                "Defect rate by station",
                (3, 7, 3, 5),
                {"Category": ("dim_station[station]",), "Y": ("fact_score[Defect Rate]",)},
            ),
            Visual(
                "clusteredBarChart",
                "Defect rate by shift",
                (6, 7, 2, 5),
                {"Category": ("dim_time[shift]",), "Y": ("fact_score[Defect Rate]",)},
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
                "lineChart",
                "ROC on the test split",
                (0, 7, 4, 5),
                {
                    "Category": ("fact_evaluation[x]",),
                    "Series": ("dim_model[model_id]",),
                    "Y": ("fact_evaluation[True Positive Rate]",),
                },
                is_scalar=True,
            ),
            Visual(
                "lineChart",
                "Precision over recall on the test split",
                (4, 7, 4, 5),
                {
                    "Category": ("fact_evaluation[x]",),
                    "Series": ("dim_model[model_id]",),
                    "Y": ("fact_evaluation[Precision]",),
                },
                is_scalar=True,
            ),
            Visual(
                "clusteredBarChart",
                "Defect rate by model",
                (8, 7, 4, 5),
                {"Category": ("dim_model[model_id]",), "Y": ("fact_score[Defect Rate]",)},
            ),
        ),
    ),
)
"""The pages, in their order."""
