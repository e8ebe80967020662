"""What an operator said of an answer: pure data, checked once at construction."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

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
