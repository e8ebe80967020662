"""Many photos: scored in shards, by processes or by a Dask cluster."""

from pathlib import Path
from typing import Annotated

import typer


def score_many(
    project: Annotated[Path, typer.Argument(help="the project folder, whose champion scores")],
    photos: Annotated[list[str], typer.Argument(help="files, folders, globs, or URLs such as abfs://container/photos")],
    out: Annotated[Path, typer.Option(help="folder for the shards and scores.csv")],
    workers: Annotated[int, typer.Option(min=1, help="processes, or workers of a local Dask cluster")] = 1,
    dask: Annotated[str, typer.Option(help="address of a Dask scheduler, tcp://HOST:8786, or local")] = "",
) -> None:
    """Score a list of photos of any length into CSV files; killed, it goes on where it was.

    The rows are the same whatever the number of workers. They are not recorded in scores.db: this is for
    archives, `dentline score` and the service are for the line.

    Example: dentline score-many my-part my-part/photos --out my-part-archive --workers 2
    """
    from commands.progress import Bars
    from dentline.workspace import Workspace
    from deployment import champion, shards

    workspace = Workspace.open(project)
    made = shards.plan(photos, workspace.bundle(champion.current(workspace).run_id), out)
    way = shards.dask(dask) if dask else shards.processes if workers > 1 else shards.serial
    with Bars() as bars:
        n_photos = shards.run(made, way, workers, bars.show)
    typer.echo(f"{out / 'scores.csv'}: {n_photos} photos")
