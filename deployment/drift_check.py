"""How far a window of pictures was from the training photos: pure data, a row of scores.db."""

from dataclasses import dataclass
from typing import Literal

Period = Literal["photos", "hour", "day"]
"""``photos`` is the last 100 or 200 of a station; ``hour`` and ``day`` are of the clock, in UTC."""


@dataclass(frozen=True)
class DriftCheck:
    """One measure of one window of one station's pictures, against the reference of the model's training.

    Attributes:
        drift_id: the same for the same window and measure, whenever it is checked.
        measured_at: UTC, the time of the window's last picture.
        psi, ks: population stability index and Kolmogorov-Smirnov distance, each with its alarm threshold.
        upto_seq: count of the window's last answer in scores.db.
    """

    drift_id: str
    measured_at: str
    station: str | None
    model_id: str
    period: Period
    measure: str
    n_photos: int
    psi: float
    ks: float
    psi_threshold: float
    ks_threshold: float
    upto_seq: int

    @property
    def ratio(self) -> float:
        """The larger of the two over its threshold."""
        return max(self.psi / self.psi_threshold, self.ks / self.ks_threshold)

    @property
    def is_alarm(self) -> bool:
        return self.ratio >= 1
