"""The measures of the model as data: what each says, in DAX."""

from dataclasses import dataclass

from dentline.recipe import Dashboard


@dataclass(frozen=True)
class Measure:
    """One measure. `format` is Power BI's; columns are named ``table[column]``, other measures ``[Name]``."""

    table: str
    name: str
    dax: str
    format: str
    folder: str
    meaning: str


_COUNT, _SHARE, _PLAIN = "#,0", "0.0%", "#,0.00"
_SAMPLED = "fact_feedback[was_sampled] = 1, fact_feedback[was_rejected] = 0"

_FIXED = (
    Measure("fact_score", "Answers", "COUNTROWS(fact_score)", _COUNT, "Quality", "Photos scored."),
    Measure("fact_score", "Rejected", "SUM(fact_score[is_rejected])", _COUNT, "Quality", "Photos called defective."),
    Measure(
        "fact_score",
        "Yield",
        "DIVIDE([Answers] - [Rejected], [Answers])",
        _SHARE,
        "Quality",
        "Share of photos that passed.",
    ),
    Measure(
        "fact_score",
        "Defect Rate",
        "DIVIDE([Rejected], [Answers])",
        _SHARE,
        "Quality",
        "Share of photos called defective.",
    ),
    Measure("fact_defect", "Defects", "COUNTROWS(fact_defect)", _COUNT, "Quality", "Dents found."),
    Measure(
        "fact_defect",
        "Defects per Photo",
        "DIVIDE([Defects], [Answers])",
        _PLAIN,
        "Quality",
        "Dents found for each photo scored.",
    ),
    Measure(
        "fact_score",
        "Answers Last Day",
        "VAR LastDay = MAX(fact_score[date_key]) RETURN CALCULATE([Answers], fact_score[date_key] = LastDay)",
        _COUNT,
        "Today",
        "Photos scored on the last day with answers.",
    ),
    Measure(
        "fact_score",
        "Yield Last Day",
        "VAR LastDay = MAX(fact_score[date_key]) RETURN CALCULATE([Yield], fact_score[date_key] = LastDay)",
        _SHARE,
        "Today",
        "Yield on the last day with answers.",
    ),
    *(
        Measure(
            "fact_score",
            f"Latency p{percent} (ms)",
            f"PERCENTILE.INC(fact_score[latency_ms], 0.{percent})",
            "0.0",
            "Service",
            f"{percent} of 100 answers were at least this fast.",
        )
        for percent in (50, 95, 99)
    ),
    Measure("fact_feedback", "Judged", "SUM(fact_feedback[n_judged])", _COUNT, "Feedback", "Answers judged."),
    Measure("fact_feedback", "Escapes", "SUM(fact_feedback[n_escapes])", _COUNT, "Feedback", "Dents that had passed."),
    Measure(
        "fact_feedback",
        "False Rejects",
        "SUM(fact_feedback[n_false_rejects])",
        _COUNT,
        "Feedback",
        "Clean parts that had been rejected.",
    ),
    Measure(
        "fact_feedback",
        "Escape Rate",
        f"DIVIDE(CALCULATE([Escapes], {_SAMPLED}), CALCULATE([Judged], {_SAMPLED}))",
        "0.00%",
        "Feedback",
        "Dents among the passed photos that were drawn as a sample and judged.",
    ),
    Measure(
        "fact_feedback",
        "False Reject Rate",
        "DIVIDE([False Rejects], CALCULATE([Judged], fact_feedback[was_rejected] = 1))",
        _SHARE,
        "Feedback",
        "Clean parts among the rejected photos that were judged.",
    ),
    Measure(
        "fact_feedback",
        "Cost",
        "[Escape Rate] * ([Answers] - [Rejected]) * [Cost of an Escape]"
        " + [False Reject Rate] * [Rejected] * [Cost of a False Reject]",
        "#,0",
        "Feedback",
        "Escapes and false rejects, as judged, carried over to all answers, at the recipe's costs.",
    ),
    Measure(
        "fact_feedback",
        "Cost per Day",
        "DIVIDE([Cost], DISTINCTCOUNT(fact_score[date_key]))",
        "#,0",
        "Feedback",
        "Cost over the days with answers.",
    ),
    Measure("fact_drift", "Drift Alarms", "SUM(fact_drift[is_alarm])", _COUNT, "Drift", "Checks that alarmed."),
    Measure(
        "fact_drift",
        "Drift",
        "MAXX(fact_drift, MAX(DIVIDE(fact_drift[psi], fact_drift[psi_threshold]), "
        "DIVIDE(fact_drift[ks], fact_drift[ks_threshold])))",
        _PLAIN,
        "Drift",
        "Largest drift of any measure of the picture; from 1 on it alarms.",
    ),
    Measure("fact_drift", "PSI", "MAX(fact_drift[psi])", _PLAIN, "Drift", "Largest population stability index."),
    Measure("fact_training_metric", "Metric", "MAX(fact_training_metric[value])", "0.000", "Models", "A metric."),
    Measure(
        "fact_training_metric",
        "Metric Low",
        "MAX(fact_training_metric[low])",
        "0.000",
        "Models",
        "Lower end of its 95 % interval.",
    ),
    Measure(
        "fact_training_metric",
        "Metric High",
        "MAX(fact_training_metric[high])",
        "0.000",
        "Models",
        "Upper end of its 95 % interval.",
    ),
    *(
        Measure(
            "fact_evaluation",
            name,
            f'CALCULATE(MAX(fact_evaluation[y]), fact_evaluation[curve] = "{curve}", fact_evaluation[split] = "test")',
            "0.000",
            "Models",
            meaning,
        )
        for name, curve, meaning in (
            (
                "True Positive Rate",
                "roc",
                "Height of the ROC curve on the test split; its x is the false positive rate.",
            ),
            ("Precision", "pr", "Height of the precision curve on the test split; its x is the recall."),
        )
    ),
    Measure(
        "dim_model",
        "Champion",
        "CALCULATE(SELECTEDVALUE(dim_model[model_id]), dim_model[is_champion] = 1)",
        "",
        "Models",
        "The model now served.",
    ),
)


def measures(costs: Dashboard) -> tuple[Measure, ...]:
    """Return every measure, with the recipe's costs among them as constants."""
    unit = f"In {costs.currency}, from the recipe."
    prices = (("Cost of an Escape", costs.cost_escape), ("Cost of a False Reject", costs.cost_false_reject))
    return _FIXED + tuple(Measure("fact_feedback", n, f"{v:.2f}", "#,0.00", "Feedback", unit) for n, v in prices)
