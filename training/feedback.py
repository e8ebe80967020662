"""What operators judged, with the photos the service kept of it: ready to go back to labeling."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dentline.files import sha256
from dentline.workspace import Workspace
from deployment import judged, keep, records
from labeling.returned import Judged


@dataclass(frozen=True)
class Gathered:
    """The judgements whose photo is here, and how many have none: not kept, or deleted since."""

    judged: tuple[Judged, ...]
    n_without_photo: int


def gather(workspace: Workspace, folder: Path) -> Gathered:
    """Return the last judgement of every judged answer.

    Args:
        folder: where the service keeps photos; a photo of the project itself is found there.

    Raises:
        DentlineError: no photo was scored yet.
    """
    with closing(records.open_for_reading(workspace.scores)) as connection:
        rows = judged.judgements(connection)
    here = workspace.photo_paths()
    found, n_missing = [], 0
    for row in rows:
        photo = keep.find(folder, row["photo_sha256"])
        if photo is None and row["photo_id"] in here and sha256(here[row["photo_id"]]) == row["photo_sha256"]:
            photo = here[row["photo_id"]]
        if photo is None:
            n_missing += 1
            continue
        found.append(
            Judged(
                row["feedback_id"],
                photo,
                row["photo_sha256"],
                row["part_id"] or "",
                row["truth"] == "dent",
                tuple(row["marks"]),
                tuple((x, y) for x, y in row["called"]),
                row["operator"] or "",
            )
        )
    return Gathered(tuple(found), n_missing)
