"""What is said of a pair of photos, and the one owner of group_proposals.csv, where it is kept."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.likeness import Likeness

Way = Literal["joined", "kept apart"]
Certainty = Literal["sure", "uncertain", "by hand"]

EVIDENCE_SURE, EVIDENCE_WEAK = 15.0, 4.0
"""-log10 of the false alarms among keypoints: far above, and just above, what unrelated photos reach."""

CORRELATION_SURE, CORRELATION_WEAK = 0.20, 0.08
"""Of the whitened tones over at least half of the smaller photo."""

MIN_OVERLAP = 0.5

_COLUMNS = (
    *("photo_a", "photo_b", "way", "certainty", "outcome"),
    *("evidence", "correlation", "overlap", "reason"),
)


@dataclass(frozen=True)
class Verdict:
    """One pair of photos, `photo_a` before `photo_b`, which way it went and why.

    The figures are those of :class:`labeling.likeness.Likeness`; a pair decided by hand may have none.
    """

    photo_a: str
    photo_b: str
    way: Way
    certainty: Certainty
    reason: str
    evidence: float = 0.0
    correlation: float = 0.0
    overlap: float = 0.0

    @property
    def strength(self) -> float:
        """By what a stronger link is joined before a weaker one: by hand, then sure, then by both cues."""
        rank = {"by hand": 2, "sure": 1, "uncertain": 0}[self.certainty]
        return rank * 1e6 + self.evidence + 100 * self.correlation


def judge(photo_a: str, photo_b: str, seen: Likeness) -> Verdict | None:
    """Say whether two photos show the same part; None where nothing at all speaks for it.

    Both cues: sure. One cue: uncertain and joined, because a part on both sides of the split is a leak
    while two parts in one group only cost a little variety. Hints below that: uncertain, kept apart.
    """
    covers = seen.overlap >= MIN_OVERLAP
    points = _level(seen.evidence, EVIDENCE_WEAK, EVIDENCE_SURE)
    tones = _level(seen.correlation, CORRELATION_WEAK, CORRELATION_SURE) if covers else 0
    if points + tones == 0:
        return None
    way: Way = "joined" if max(points, tones) == 2 or points + tones == 2 else "kept apart"
    certainty: Certainty = "sure" if points == tones == 2 else "uncertain"
    said = ("do not match", "match weakly", "match")
    reason = f"keypoints {said[points]} ({seen.n_inliers} of {seen.n_matches} agree), surfaces {said[tones]}"
    if not covers and seen.n_inliers:
        reason += f" (only {seen.overlap:.0%} overlap)"
    a, b = sorted((photo_a, photo_b))
    return Verdict(a, b, way, certainty, reason, seen.evidence, seen.correlation, seen.overlap)


def _level(value: float, weak: float, sure: float) -> int:
    return (value >= weak) + (value >= sure)


def by_hand(photo_a: str, photo_b: str, way: Way) -> Verdict:
    """Return a person's word on a pair."""
    a, b = sorted((photo_a, photo_b))
    return Verdict(a, b, way, "by hand", f"{way} by hand")


def updated(verdicts: Iterable[Verdict], newer: Iterable[Verdict]) -> list[Verdict]:
    """Return all pairs once: what is newer replaces what was said, but nothing replaces a person's word but another."""
    said = {(v.photo_a, v.photo_b): v for v in verdicts}
    for v in newer:
        before = said.get((v.photo_a, v.photo_b))
        if before is None or before.certainty != "by hand" or v.certainty == "by hand":
            said[v.photo_a, v.photo_b] = v
    return list(said.values())


def read(path: Path) -> list[Verdict]:
    """Return the pairs of group_proposals.csv; none if the file does not exist.

    Raises:
        DentlineError: the file is not one of ours, or a row is broken, with its number.
    """
    if not path.exists():
        return []
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    if not rows or tuple(rows[0]) != _COLUMNS:
        raise DentlineError(str(path), f"does not begin with {','.join(_COLUMNS)}", "delete it")
    return [_verdict(row, f"{path}: row {number}") for number, row in enumerate(rows[1:], 2)]


def write(path: Path, verdicts: Iterable[Verdict], groups: Mapping[str, str]) -> None:
    """Write group_proposals.csv, uncertain pairs first.

    `groups` is each photo's group in the end: the column `outcome` says where a pair stands by all the
    pairs together, `way` which way it went by itself.
    """
    order = {"uncertain": 0, "by hand": 1, "sure": 2}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for v in sorted(verdicts, key=lambda v: (order[v.certainty], v.photo_a, v.photo_b)):
        figures = [f"{value:.3f}" for value in (v.evidence, v.correlation, v.overlap)]
        outcome = "one group" if groups.get(v.photo_a) == groups.get(v.photo_b) else "two groups"
        writer.writerow([v.photo_a, v.photo_b, v.way, v.certainty, outcome, *figures, v.reason])
    write_text(path, out.getvalue())


def _verdict(row: list[str], where: str) -> Verdict:
    if len(row) != len(_COLUMNS):
        raise DentlineError(where, f"has {len(row)} fields, not {len(_COLUMNS)}")
    a, b, way, certainty, _, *figures, reason = row
    if way not in get_args(Way):
        raise DentlineError(where, f"way is {way!r}", "write joined or kept apart")
    if certainty not in get_args(Certainty):
        raise DentlineError(where, f"certainty is {certainty!r}", "write sure, uncertain or by hand")
    try:
        evidence, correlation, overlap = map(float, figures)
    except ValueError as error:
        raise DentlineError(where, str(error)) from error
    return Verdict(a, b, way, certainty, reason, evidence, correlation, overlap)  # type: ignore[arg-type]
