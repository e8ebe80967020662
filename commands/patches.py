"""From labels to patches: cut."""

from pathlib import Path
from typing import Annotated

import typer


def cut(project: Annotated[Path, typer.Argument(help="the project folder")]) -> None:
    """Cut a positive 64x64 patch at each dent and random negatives at a safe distance from all.

    How many negatives, how far and how many at the photo's border: [patches] in recipe.toml. Only photos
    that were reviewed are cut. patches/positive and patches/negative are for people to look at.

    Example: dentline cut my-part
    """
    from datetime import UTC, datetime

    from commands.progress import Bars
    from dentline import recipe
    from dentline.workspace import Workspace
    from labeling import cutting, hard, split, versions
    from labeling.store import Store

    workspace = Workspace.open(project)
    job = recipe.load(workspace.recipe)
    photos = workspace.photo_paths()
    with Store(workspace.labels) as store:
        annotations = [a for a in store.latest().values() if a.status in cutting.REVIEWED]
    cutting.check_sizes(annotations, photos)
    places = hard.read(workspace.hard)
    version = versions.note(workspace.versions, annotations, places, datetime.now(UTC))
    planned = cutting.plan(annotations, split.current(workspace), job.patches, places)
    with Bars() as bars:
        made = cutting.cut(workspace.patches, planned, photos, bars.show)
    short = job.patches.negatives_per_photo * len(annotations) - sum(not p.label for p in made.patches)
    for side in split.SIDES:
        labels = made.labels()[made.rows(side)]
        typer.echo(f"{side:10} {labels.sum():6} dents {len(labels) - labels.sum():6} negatives")
    if short:
        typer.echo(f"{short} negatives fewer than asked: no room at a safe distance from the dents", err=True)
    typer.echo(f"version {version.number} of the data, from {version.source}")
    typer.echo(f"{workspace.patches}: {len(made)} patches, {sum(p.edge for p in made.patches)} with reflected edges")
