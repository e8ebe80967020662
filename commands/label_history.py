"""A project's labels as a whole: log, backup, restore, export, agreement."""

from pathlib import Path
from typing import Annotated

import typer

Project = Annotated[Path, typer.Argument(help="the project folder")]
Annotator = Annotated[str, typer.Option(help="who does it")]


def log(
    project: Project,
    photo: Annotated[str, typer.Option(help="only this photo")] = "",
    limit: Annotated[int, typer.Option(help="the newest so many", min=1)] = 20,
) -> None:
    """Say who saved what and when, the newest last.

    Example: dentline labels log my-part --limit 5
    """
    from dentline.workspace import Workspace
    from labeling.store import Store

    workspace = Workspace.open(project)
    with Store(workspace.labels) as store:
        entries = [entry for entry in store.log() if photo in ("", entry.annotation.photo_id)]
    for entry in entries[-limit:]:
        a = entry.annotation
        second = " (second reading)" if entry.reader else ""
        typer.echo(
            f"{a.updated_at:%Y-%m-%d %H:%M:%S}Z  {a.photo_id}  revision {a.revision}  {a.status}, "
            f"{len(a.centers)} centers, by {a.annotator}{second}"
        )
    typer.echo(f"{workspace.labels}: {len(entries)} saves", err=True)


def backup(project: Project, target: Annotated[Path, typer.Argument(help="the file to write")]) -> None:
    """Write all labels with their whole history into one file, while people go on marking.

    Example: dentline labels backup my-part my-part-labels.db
    """
    from dentline.errors import DentlineError
    from dentline.workspace import Workspace
    from labeling.store import Store

    workspace = Workspace.open(project)
    if target.exists():
        raise DentlineError(str(target), "is there already", "name a new file")
    with Store(workspace.labels) as store:
        store.backup(target)
        typer.echo(f"{target}: {len(store.latest())} photos, {len(store.log())} saves")


def restore(
    project: Project,
    photo: Annotated[str, typer.Option(help="the photo to take back")] = "",
    revision: Annotated[int, typer.Option(help="to this revision", min=0)] = 0,
    backup: Annotated[Path | None, typer.Option(help="or: every photo, as it is in this backup")] = None,
    annotator: Annotator = "restore",
) -> None:
    """Take a photo back to an earlier revision, or all photos to a backup. Nothing is forgotten.

    What is taken back becomes the newest revision; the ones between stay in the history. A project
    without labels gets the backup with its history, as it is.

    Example: dentline labels restore my-part --backup my-part-labels.db
    """
    from dentline.errors import DentlineError
    from dentline.workspace import Workspace
    from labeling import history

    workspace = Workspace.open(project)
    if backup is not None and not photo:
        done = history.restore_backup(workspace.labels, backup, annotator)
    elif photo and revision and backup is None:
        done = [history.restore_revision(workspace.labels, photo, revision, annotator)]
    else:
        raise DentlineError("dentline labels restore", "got neither", "give --photo and --revision, or --backup")
    typer.echo(f"{workspace.labels}: {len(done)} photos taken back")


def export(
    project: Project,
    format: Annotated[str, typer.Argument(help="csv, coco, yolo, cvat, label-studio, labelme, masks or dotted")],
    target: Annotated[Path, typer.Argument(help="the file or folder to write")],
    with_photos: Annotated[bool, typer.Option(help="copy the photos into images/ beside the labels")] = False,
) -> None:
    """Write the labels of every photo that was looked at in another tool's format.

    Example: dentline labels export my-part coco my-part-coco.json
    """
    from commands.progress import Bars
    from dentline.workspace import Workspace
    from labeling import exporting
    from labeling.formats import registry

    with Bars() as bars:
        out = exporting.send_out(Workspace.open(project), format, target, with_photos, bars.show)
    n_centers = sum(len(a.centers) for a in out.annotations)
    typer.echo(f"{target}: {len(out.annotations)} photos, {n_centers} centers")
    typer.echo(f"{format} does not carry: {registry.named(format).LOSES}", err=True)


def agreement(
    project: Project,
    within_px: Annotated[float, typer.Option(help="how far apart two centers of one dent may be", min=0)] = 16.0,
) -> None:
    """Say how well people agree on photos that two have marked without seeing each other's marks.

    95 % intervals by bootstrap over groups. Below them the photos still to be settled: look at both
    versions and save the photo again.

    Example: dentline labels agreement my-part
    """
    import numpy as np

    from dentline.workspace import Workspace
    from labeling import agreement as agreeing
    from labeling import groups
    from labeling.store import Store

    workspace = Workspace.open(project)
    with Store(workspace.labels) as store:
        readings = agreeing.double_readings(store.log())
    if not readings:
        typer.echo("no photo was marked twice: open the labeling page as a second reader")
        return
    group_of = {p: member.group for p, member in groups.read(workspace.groups).items()}
    found = agreeing.measure(readings, group_of, np.random.default_rng(0), within_px)
    named = {
        f"centers (Dice, within {within_px:g} px)": found.centers,
        "photos (dented or clean)": found.photos,
        "photos, beyond chance (kappa)": found.kappa,
        "distance of paired centers, px": found.apart_px,
    }
    for name, value in named.items():
        figure = f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]" if np.isfinite(value.value) else "undefined"
        typer.echo(f"{name:34} {figure} n {value.n}")
    for reading, seen in agreeing.disagreements(readings, within_px):
        typer.echo(
            f"to settle: {reading.photo_id}: {len(seen.only_first)} only by {reading.first.annotator}, "
            f"{len(seen.only_second)} only by {reading.second.annotator}"
        )
