"""Which recipe learns best, by cross-validation: sweep."""

from pathlib import Path
from typing import Annotated

import typer

from commands.workers import Dask, Workers


def sweep(
    project: Annotated[Path, typer.Argument(help="the project folder")],
    vary: Annotated[
        list[str] | None,
        typer.Option(help="SECTION.FIELD=V1,V2,… or LOW..HIGH; may be given again; one value holds for all"),
    ] = None,
    model: Annotated[str, typer.Option(help="the model; the recipe's first by default")] = "",
    random: Annotated[int, typer.Option(min=0, help="draw so many recipes; by default every combination")] = 0,
    folds: Annotated[int, typer.Option(min=2, help="folds, over whole groups")] = 5,
    seed: Annotated[int, typer.Option(help="of the folds and the draws")] = 0,
    out: Annotated[Path | None, typer.Option(help="folder of the sweep; the project's sweep/ by default")] = None,
    workers: Workers = 1,
    dask: Dask = "",
) -> None:
    """Cross-validate recipes on the training photos and write the best as recipe.toml.

    The recipe as it is comes first, and without --vary it is the only one. Folds are of whole groups; the test
    photos are used for nothing, so the best can still be judged on them: copy its recipe.toml into the project,
    train, compare. Killed, a sweep goes on where it was.

    Example: dentline sweep my-part --model scratch --vary train.batch_size=32,64 --vary train.epochs=2 --folds 2
    """
    import numpy as np

    from commands.progress import Bars
    from commands.quiet import without_notes
    from dentline import recipe as recipes
    from dentline import shards
    from dentline.workspace import Workspace
    from training import candidates
    from training import sweep as stage

    workspace = Workspace.open(project)
    recipe = recipes.load(workspace.recipe)
    fields = [candidates.parse(text) for text in vary or ()]
    drawn = (
        candidates.random(recipe, fields, random, np.random.default_rng(seed))
        if random
        else candidates.grid(recipe, fields)
    )
    folder = out or workspace.sweep
    job = stage.plan(workspace, model or recipe.train.models[0], drawn, folds, seed, folder)
    with without_notes():
        stage.start()
    with Bars() as bars:
        rows = stage.run(job, shards.chosen(workers, dask), bars.show)
    measure, _ = stage.MEASURES[recipe.task]
    for row in rows:
        found, lead = row.reached, row.lead
        told = ", ".join(f"{name} {value}" for name, value in row.candidate.changes) or "the recipe as it is"
        typer.echo(
            f"{measure} {found.value:.4f} [{found.low:.4f}, {found.high:.4f}]  "
            f"lead {lead.value:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]  {told}"
        )
    best, last = rows[0], rows[0].reached
    typer.echo(
        f"n {last.n} of {best.n_groups} groups; the lead is over the recipe as it is: "
        + ("beyond the noise" if best.lead.low > 0 else "within the noise")
    )
    typer.echo(f"{folder / 'sweep.csv'}: {len(rows)} recipes; the best: {folder / 'recipe.toml'}")
