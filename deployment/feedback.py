"""What an operator said of an answer: pure data, checked once at construction."""

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from dentline.errors import DentlineError

Truth = Literal["dent", "clean"]


@dataclass(frozen=True)
class Feedback:
    """One judgement of one answer. A later one of the same answer stands in for it; both are kept.

    Attributes:
        feedback_id: 32 hex digits that sort by time.
        given_at: UTC, ``YYYY-MM-DDTHH:MM:SS.mmm``.
        truth: whether the operator saw a dent in the photo.
        marks: the dents' centres in photo pixels, if the operator marked them; none on a clean photo.
        was_sampled: the answer was shown as a sample of what passed, not picked by the operator.

    Raises:
        DentlineError: an unknown truth, a mark that is no place, or marks on a clean photo.
    """

    feedback_id: str
    score_id: str
    given_at: str
    truth: Truth
    operator: str | None = None
    marks: tuple[tuple[float, float], ...] = ()
    was_sampled: bool = False
    note: str | None = None

    def __post_init__(self) -> None:
        where = f"feedback on {self.score_id}"
        if self.truth not in get_args(Truth):
            raise DentlineError(where, f"truth is {self.truth!r}", "it must be 'dent' or 'clean'")
        if self.truth == "clean" and self.marks:
            raise DentlineError(where, f"says clean and marks {len(self.marks)} dents", "say dent, or mark none")
        for x, y in self.marks:
            if not (math.isfinite(x) and math.isfinite(y) and x >= 0 and y >= 0):
                raise DentlineError(where, f"marks ({x:g}, {y:g})", "give photo pixels, from the top left corner")


def parse(body: bytes, feedback_id: str, now: datetime) -> Feedback:
    """Return the judgement that a JSON body says.

    Raises:
        DentlineError: it is not JSON, lacks a field, or has one that is unknown or of another type.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DentlineError("feedback", f"is not JSON: {error}", 'send {"score_id": …, "truth": "dent"}') from error
    if not isinstance(given, dict):
        raise DentlineError("feedback", "is not a JSON object", 'send {"score_id": …, "truth": "dent"}')
    unknown = sorted(given.keys() - {"score_id", "truth", "operator", "marks", "note"})
    if unknown:
        raise DentlineError("feedback", f"has the unknown field {unknown[0]!r}", "known are: score_id, truth, operator")
    texts = {name: _text(given, name, most) for name, most in (("operator", 200), ("note", 2000))}
    score_id, truth = _text(given, "score_id", 64), _text(given, "truth", 10)
    if score_id is None or truth is None:
        raise DentlineError("feedback", "lacks score_id or truth", 'send {"score_id": …, "truth": "dent"}')
    return Feedback(
        feedback_id,
        score_id,
        now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}",
        cast(Truth, truth),
        texts["operator"],
        _marks(given.get("marks", [])),
        note=texts["note"],
    )


def _text(given: dict[str, Any], name: str, most: int) -> str | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > most:
        raise DentlineError("feedback", f"{name} is {str(value)[:40]!r}", f"write a text of at most {most} characters")
    return value


def _marks(given: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(given, list) or len(given) > 1000:
        raise DentlineError("feedback", "marks is no list of at most 1000", 'send [{"x": 1, "y": 2}]')
    marks = []
    for number, mark in enumerate(given, 1):
        if not isinstance(mark, dict) or mark.keys() != {"x", "y"}:
            raise DentlineError("feedback", f"mark {number} is {str(mark)[:40]}", 'send {"x": 1, "y": 2}')
        if not all(isinstance(mark[k], int | float) and not isinstance(mark[k], bool) for k in "xy"):
            raise DentlineError("feedback", f"mark {number} is {str(mark)[:40]}", "its x and y are numbers")
        marks.append((float(mark["x"]), float(mark["y"])))
    return tuple(marks)
