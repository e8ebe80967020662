"""Which photos show the same part, and the one owner of groups.csv.

A group is what the split never tears apart. It comes from a declared part, from near-duplicates found in
the pixels (:mod:`labeling.near_duplicates`), or from a person's word.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.verdicts import Verdict

Origin = Literal["declared", "proposed", "confirmed"]
"""Said by a part column; found in the pixels and not looked at; looked at by a person."""

_COLUMNS = ("photo_id", "group", "part", "origin")


@dataclass(frozen=True)
class Member:
    """One photo's place. `part` is the user's own name for the part, or empty."""

    photo_id: str
    group: str
    part: str
    origin: Origin


def read(path: Path) -> dict[str, Member]:
    """Return every photo's place by photo id; none if the file does not exist.

    Raises:
        DentlineError: the file is not one of ours, or a row is broken, with its number.
    """
    if not path.exists():
        return {}
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    if not rows or tuple(rows[0]) != _COLUMNS:
        raise DentlineError(str(path), f"does not begin with {','.join(_COLUMNS)}", "run: dentline groups --propose")
    members: dict[str, Member] = {}
    for number, row in enumerate(rows[1:], 2):
        where = f"{path}: row {number}"
        if len(row) != len(_COLUMNS) or not row[0] or not row[1]:
            raise DentlineError(where, f"is {','.join(row)!r}", "write photo_id,group,part,origin")
        photo_id, group, part, origin = row
        if origin not in get_args(Origin):
            raise DentlineError(where, f"origin is {origin!r}", "write " + ", ".join(get_args(Origin)))
        if photo_id in members:
            raise DentlineError(where, f"{photo_id} is there twice", "delete one of the rows")
        members[photo_id] = Member(photo_id, group, part, origin)  # type: ignore[arg-type]
    return members


def write(path: Path, members: Iterable[Member]) -> None:
    """Write groups.csv, sorted by photo."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((m.photo_id, m.group, m.part, m.origin) for m in sorted(members, key=lambda m: m.photo_id))
    write_text(path, out.getvalue())


def declare(photo_ids: Iterable[str], parts: Mapping[str, str]) -> list[Member]:
    """Return groups as declared: photos of one part together, a photo without a part by itself."""
    return join(photo_ids, parts, ())


def join(
    photo_ids: Iterable[str],
    parts: Mapping[str, str],
    verdicts: Iterable[Verdict],
    confirmed: Mapping[str, str] | None = None,
) -> list[Member]:
    """Join photos by their declared parts and by the pairs that went "joined", the strongest first.

    Groups a person has confirmed keep their photos and never meet one another; a pair put apart by hand
    stays apart: a link that would break either is passed over. Two declared parts that the pixels show to
    be one are joined, each photo keeping its part's name: the declaration is mistaken, or the part has two
    names.

    Args:
        photo_ids: every photo of the project.
        parts: declared part by photo id; photos without one are left out or empty.
        verdicts: pairs; photos that are not in `photo_ids` are ignored.
        confirmed: confirmed group by photo id.

    Returns:
        One member a photo, sorted. A group is named after its parts, or after its first photo.

    Raises:
        DentlineError: two photos of one declared part were put or confirmed apart.
    """
    ids = sorted(photo_ids)
    kept = {p: group for p, group in (confirmed or {}).items() if p in set(ids)}
    known = [v for v in verdicts if v.photo_a in set(ids) and v.photo_b in set(ids)]
    apart = [(v.photo_a, v.photo_b) for v in known if v.certainty == "by hand" and v.way == "kept apart"]
    forest = _Forest(ids, apart, kept)
    _unite_alike(forest, kept)
    for photo_id, other in _unite_alike(forest, {p: part for p in ids if (part := parts.get(p, ""))}):
        raise DentlineError(
            f"photos {other} and {photo_id}",
            f"are in different groups by hand but declared to be the same part {parts[photo_id]!r}",
            "correct the declared part, or join them again",
        )
    for v in sorted(known, key=lambda v: (-v.strength, v.photo_a, v.photo_b)):
        if v.way == "joined":
            forest.unite(v.photo_a, v.photo_b)
    return sorted((m for group in forest.groups() for m in _named(group, parts, kept)), key=lambda m: m.photo_id)


def confirm(members: Iterable[Member]) -> list[Member]:
    """Return the same groups with what was proposed now confirmed."""
    return [replace(m, origin="confirmed") if m.origin == "proposed" else m for m in members]


def _named(group: list[str], parts: Mapping[str, str], confirmed: Mapping[str, str]) -> list[Member]:
    names = sorted({part for p in group if (part := parts.get(p, ""))})
    origin: Origin = "proposed"
    if all(p in confirmed for p in group):
        origin = "confirmed"
    elif len(names) == 1 and all(parts.get(p) for p in group):
        origin = "declared"
    return [Member(p, "+".join(names) or group[0], parts.get(p, ""), origin) for p in group]


def _unite_alike(forest: "_Forest", labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Unite photos of one label; return the pairs that may not meet."""
    first: dict[str, str] = {}
    return [(p, first[label]) for p, label in labels.items() if not forest.unite(p, first.setdefault(label, p))]


class _Forest:
    """Sets that grow by joining, with pairs and colours that must not meet."""

    def __init__(self, ids: list[str], apart: list[tuple[str, str]], colours: Mapping[str, str]) -> None:
        self._root = {i: i for i in ids}
        self._members = {i: [i] for i in ids}
        self._apart = apart
        self._colour = dict(colours)

    def find(self, photo_id: str) -> str:
        while self._root[photo_id] != photo_id:
            self._root[photo_id] = photo_id = self._root[self._root[photo_id]]
        return photo_id

    def unite(self, a: str, b: str) -> bool:
        """Join the sets of a and b; False if they must not meet."""
        into, gone = sorted((self.find(a), self.find(b)))
        if into == gone:
            return True
        colours = {c for c in (self._colour.get(into), self._colour.get(gone)) if c is not None}
        if len(colours) > 1 or any({self.find(p), self.find(q)} == {into, gone} for p, q in self._apart):
            return False
        self._root[gone] = into
        self._members[into] += self._members.pop(gone)
        if colours:
            self._colour[into] = colours.pop()
        return True

    def groups(self) -> list[list[str]]:
        """Return the sorted members of each set."""
        return [sorted(members) for members in self._members.values()]
