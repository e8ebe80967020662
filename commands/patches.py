"""From labels to patches: cut."""

from pathlib import Path
from typing import Annotated

import typer

from commands.workers import Dask, Workers


def cut(
    project: Annotated[Path, typer.Argument(help="the project folder")],
    photos: Annotated[
        str, typer.Option(help="folder or URL of the photos, such as abfs://container/photos; photos/ by default")
    ] = "",
    workers: Workers = 1,
    dask: Dask = "",
) -> None:
    """Cut a positive 64x64 patch at each dent and random negatives at a safe distance from all.

    How many negatives, how far and how many at the photo's border: [patches] in recipe.toml. Only photos
    that were reviewed are cut. patches/positive and patches/negative are for people to look at. Killed, it
    goes on where it was; the files are the same whatever the number of workers.

    Example: dentline cut my-part
    """
    from datetime import UTC, datetime

    from commands.progress import Bars
    from dentline import recipe, shards, sources
    from dentline.workspace import Workspace
    from labeling import cut_shards, cutting, hard, split, versions
    from labeling.store import Store

    workspace = Workspace.open(project)
    job = recipe.load(workspace.recipe)
    found = sources.below(photos or str(workspace.photos))
    with Store(workspace.labels) as store:
        annotations = [a for a in store.latest().values() if a.status in cutting.REVIEWED]
    cut_shards.check_there(annotations, found)
    sizes = {a.photo_id: (a.width, a.height) for a in annotations}
    places = hard.read(workspace.hard)
    version = versions.note(workspace.versions, annotations, places, datetime.now(UTC))
    planned = cutting.plan(annotations, split.current(workspace), job.patches, places)
    with Bars() as bars:
        way = shards.chosen(workers, dask)
        made = cut_shards.cut(workspace.patches, planned, found, bars.show, way, sizes)
    short = job.patches.negatives_per_photo * len(annotations) - sum(not p.label for p in made.patches)
    for side in split.SIDES:
        labels = made.labels()[made.rows(side)]
        typer.echo(f"{side:10} {labels.sum():6} dents {len(labels) - labels.sum():6} negatives")
    if short:
        typer.echo(f"{short} negatives fewer than asked: no room at a safe distance from the dents", err=True)
    typer.echo(f"version {version.number} of the data, from {version.source}")
    typer.echo(f"{workspace.patches}: {len(made)} patches, {sum(p.edge for p in made.patches)} at an edge")
