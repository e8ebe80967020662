"""The one owner of split.csv: which groups of photos are trained on, tuned on, and reported on.

The deal is by group, so that no part is on two sides, and stratified by having a dent, so that each
side has some. It is made once and kept: photos that come later join their group's side, and new
groups are dealt beside the old ones. Every patch and variant inherits it.
"""

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Literal

import numpy as np

from dentline.errors import DentlineError
from dentline.files import sha256, write_text
from dentline.recipe import Split
from dentline.workspace import Workspace
from labeling import groups
from labeling.patches import Patch
from labeling.store import Store

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Assignment:
    """The side a photo is on, the group that put it there, and the seed its group was dealt with."""

    group: str
    split: Side
    seed: int = 0


def deal(
    groups: Mapping[str, str], dented: Collection[str], shares: Split, kept: Mapping[str, Assignment] | None = None
) -> dict[str, Assignment]:
    """Deal groups of photos to the three sides.

    Args:
        groups: photo id to group.
        dented: ids of the photos with a dent.
        shares: of the groups each side gets, and the seed.
        kept: an earlier deal; its groups stay where they are.

    Raises:
        DentlineError: two photos of one group are on two sides of the earlier deal.
    """
    regrouped = {p: replace(a, group=groups.get(p, a.group)) for p, a in sorted((kept or {}).items())}
    refuse_leak(regrouped, "split.csv")
    sides = {a.group: (a.split, a.seed) for a in regrouped.values()}
    rng = np.random.default_rng(shares.seed)
    with_dent = {groups[photo_id] for photo_id in dented if photo_id in groups}
    for stratum in (with_dent, set(groups.values()) - with_dent):
        fresh = sorted(stratum - sides.keys())
        dealt = [sides[group][0] for group in sorted(stratum & sides.keys())]
        order = [fresh[i] for i in rng.permutation(len(fresh))]
        for group in order:
            side = _neediest(dealt, shares)
            dealt.append(side)
            sides[group] = (side, shares.seed)
    return {p: Assignment(group, *sides[group]) for p, group in sorted(groups.items())}


def _neediest(dealt: list[Side], shares: Split) -> Side:
    """The side furthest below its share; one with nothing yet goes first, in the order of SIDES."""
    wanted = {side: float(getattr(shares, side)) for side in SIDES}
    empty = [side for side in SIDES if side not in dealt]
    if empty:
        return empty[0]
    return max(SIDES, key=lambda side: wanted[side] * (len(dealt) + 1) - dealt.count(side))


def refuse_leak(assignments: Mapping[str, Assignment], where: str) -> None:
    """Raise a DentlineError naming two photos of one group that are on different sides."""
    seen: dict[str, tuple[str, Side]] = {}
    for photo_id, assignment in assignments.items():
        first, side = seen.setdefault(assignment.group, (photo_id, assignment.split))
        if side != assignment.split:
            raise leak(where, (first, side), (photo_id, assignment.split), f"show the same part {assignment.group!r}")


def refuse_copies(assignments: Mapping[str, Assignment], paths: Mapping[str, Path], where: str) -> None:
    """Raise a DentlineError naming two photos that are the same file on different sides."""
    n_bytes = {photo_id: paths[photo_id].stat().st_size for photo_id in assignments}
    often = Counter(n_bytes.values())
    seen: dict[str, str] = {}
    for photo_id, assignment in assignments.items():
        if often[n_bytes[photo_id]] < 2:
            continue
        first = seen.setdefault(sha256(paths[photo_id]), photo_id)
        if assignments[first].split != assignment.split:
            sides = (first, assignments[first].split), (photo_id, assignment.split)
            raise leak(where, *sides, "are the same file, byte for byte")


def leak(where: str, one: tuple[str, str], other: tuple[str, str], why: str) -> DentlineError:
    """Return the error for two photos on different sides that should be on one."""
    return DentlineError(
        where,
        f"photos {one[0]} ({one[1]}) and {other[0]} ({other[1]}) {why}: a leak",
        "put them in one group and split anew with: dentline split --again",
    )


def read(path: Path) -> dict[str, Assignment]:
    """Read split.csv: photo id to its assignment.

    Raises:
        DentlineError: there is none, a row is wrong, or it holds a leak.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            rows = list(csv.DictReader(handle))
    except FileNotFoundError as error:
        raise DentlineError(str(path), "there is no split yet", "make it with: dentline split") from error
    assignments: dict[str, Assignment] = {}
    for number, row in enumerate(rows, 2):
        where = f"{path}: row {number}"
        if row.get("photo_id") in assignments:
            raise DentlineError(where, f"has photo {row['photo_id']} a second time", "keep one")
        assignments[row.get("photo_id") or ""] = _assignment(row, where)
    refuse_leak(assignments, str(path))
    return assignments


def _assignment(row: Mapping[str, str | None], where: str) -> Assignment:
    photo_id, group, side, seed = (row.get(name) or "" for name in ("photo_id", "group", "split", "seed"))
    if not photo_id or not group:
        raise DentlineError(where, f"has photo_id {photo_id!r} and group {group!r}", "give both")
    if seed and not seed.isdecimal():
        raise DentlineError(where, f"has seed {seed!r}", "write a whole number")
    for known in SIDES:
        if side == known:
            return Assignment(group, known, int(seed or 0))
    raise DentlineError(where, f"has split {side!r}", "write train, validation or test")


def write(path: Path, assignments: Mapping[str, Assignment]) -> None:
    """Write split.csv: columns photo_id, group, split, seed."""
    refuse_leak(assignments, str(path))
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["photo_id", "group", "split", "seed"])
    writer.writerows([p, a.group, a.split, a.seed] for p, a in sorted(assignments.items()))
    write_text(path, out.getvalue())


def holds(assignments: Mapping[str, Assignment], patches: Iterable[Patch]) -> bool:
    """Return whether patches are on the sides that a split says."""
    return all(p.photo_id in assignments and assignments[p.photo_id].split == p.split for p in patches)


def current(workspace: Workspace) -> dict[str, Assignment]:
    """Return a project's split with the groups as they are now.

    Raises:
        DentlineError: there is no split, or groups were joined since that are on two of its sides.
    """
    members = groups.read(workspace.groups)
    found = {
        photo_id: replace(a, group=members[photo_id].group) if photo_id in members else a
        for photo_id, a in read(workspace.split).items()
    }
    refuse_leak(found, str(workspace.split))
    return found


def renew(workspace: Workspace, shares: Split, again: bool = False, alone: bool = False) -> dict[str, Assignment]:
    """Deal a project's photos and write split.csv; an earlier deal is kept and extended.

    Args:
        again: forget the earlier deal.
        alone: a photo without a group is a group of its own; otherwise it is refused.

    Raises:
        DentlineError: a photo has no group, or the deal would be a leak; split.csv stays as it was.
    """
    photos = workspace.photo_paths()
    if not photos:
        raise DentlineError(str(workspace.photos), "has no photos", "put some there, or: dentline import")
    group_of = {p: member.group for p, member in groups.read(workspace.groups).items()}
    without = [p for p in photos if p not in group_of]
    if without and not alone:
        raise DentlineError(
            str(workspace.groups),
            f"{len(without)} photos have no group, the first is {without[0]}",
            "find photos of the same part with: dentline groups --propose; or, if no two photos show the "
            "same part: --each-photo-alone",
        )
    with Store(workspace.labels) as store:
        dented = {p for p, annotation in store.latest().items() if annotation.centers}
    kept = {p: a for p, a in read(workspace.split).items() if p in photos} if workspace.split.exists() else {}
    assignments = deal({p: group_of.get(p, p) for p in photos}, dented, shares, {} if again else kept)
    refuse_copies(assignments, photos, str(workspace.split))
    write(workspace.split, assignments)
    return assignments
