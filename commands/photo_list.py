"""Many photos: scored in shards, by processes or by a Dask cluster."""

from pathlib import Path
from typing import Annotated

import typer

from commands.workers import Dask, Workers


def score_many(
    project: Annotated[Path, typer.Argument(help="the project folder, whose champion scores")],
    photos: Annotated[list[str], typer.Argument(help="files, folders, globs, or URLs such as abfs://container/photos")],
    out: Annotated[Path, typer.Option(help="folder for the shards and scores.csv")],
    workers: Workers = 1,
    dask: Dask = "",
) -> None:
    """Score a list of photos of any length into CSV files; killed, it goes on where it was.

    The rows are the same whatever the number of workers. They are not recorded in scores.db: this is for
    archives, `dentline score` and the service are for the line.

    Example: dentline score-many my-part my-part/photos --out my-part-archive --workers 2
    """
    from commands.progress import Bars
    from dentline import shards
    from dentline.workspace import Workspace
    from deployment import champion, photo_list

    workspace = Workspace.open(project)
    job = photo_list.plan(photos, workspace.bundle(champion.current(workspace).run_id), out)
    with Bars() as bars:
        n_photos = photo_list.run(job, shards.chosen(workers, dask), bars.show)
    typer.echo(f"{out / 'scores.csv'}: {n_photos} photos")
