"""From judged answers back to labels and to a better model: feedback, retrain, lineage."""

from pathlib import Path
from typing import Annotated

import typer

Project = Annotated[Path, typer.Argument(help="the project folder")]
Kept = Annotated[Path | None, typer.Option(help="where the service keeps photos; the project's kept/ by default")]


def feedback(project: Project, kept: Kept = None) -> None:
    """Bring what operators judged back to labeling, as a new version of the data.

    Marks become centres, what was called wrongly becomes hard negatives, clean photos stay clean. A photo with a
    dent that nobody marked is copied and waits on the labeling page.

    Example: dentline feedback my-part
    """
    from datetime import UTC, datetime

    from dentline.workspace import Workspace
    from labeling import returned
    from training.feedback import gather

    workspace = Workspace.open(project)
    gathered = gather(workspace, kept or workspace.kept)
    came = returned.bring_back(workspace, gathered.judged, datetime.now(UTC))
    typer.echo(f"{len(gathered.judged)} judged answers: {len(came.copied)} photos new, {came.stored} annotations new")
    _leftovers(gathered.n_without_photo, came.unmarked)
    typer.echo(f"{workspace.labels}: version {came.version.number} of the data, {came.n_hard} hard negatives")


def retrain(project: Project, kept: Kept = None) -> None:
    """Make a new version of the data from feedback, train the champion's kind of model on it, and propose it.

    Both are judged on the same test patches, old and fed back. Nothing is promoted unless the recipe says so
    ([retrain] promote = "beyond_noise") and the gain is beyond the noise.

    Example: dentline retrain my-part
    """
    from datetime import UTC, datetime

    from commands.progress import Bars
    from commands.quiet import without_notes
    from dentline.workspace import Workspace

    with without_notes():
        import tensorflow  # noqa: F401
    from training import retrain as stage

    workspace = Workspace.open(project)
    with Bars() as bars:
        done = stage.retrain(workspace, datetime.now(UTC), kept, bars.show)
    _leftovers(done.n_without_photo, done.returned.unmarked)
    if not done.returned.stored:
        typer.echo("no judged answer is new: trained on the labels as they are", err=True)
    proposal = done.proposal
    version = done.returned.version
    typer.echo(f"{workspace.run(proposal.run_id)}: learnt from version {version.number} of the data")
    for gain in proposal.gains:
        d = gain.difference
        typer.echo(
            f"{gain.on.replace('_', ' '):9} F1 {gain.champion:.3f} -> {gain.challenger:.3f}: "
            f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}], n {d.n} test patches"
        )
    verdict = "beyond the noise" if proposal.is_better else "within the noise"
    if proposal.promoted:
        typer.echo(f"{verdict}; promoted, as the recipe says. To return: dentline promote {project} --back")
    else:
        typer.echo(
            f"{verdict}; proposed in {workspace.proposal}. To take it: dentline promote {project} {proposal.run_id}"
        )


def lineage(
    project: Project,
    name: Annotated[
        str, typer.Argument(help="an id, as any file, answer or dashboard row has it; or the number of a version")
    ],
) -> None:
    """Say where anything came from and what came of it: row, photo, clicks, split, run, bundle, answers.

    Example: dentline lineage my-part 20261120-093000-vgg16
    """
    from dentline.workspace import Workspace
    from training.lineage import trace

    trail = trace(Workspace.open(project), name)
    for links, mark in ((reversed(trail.origins), "from "), ((trail.subject,), "  =  "), (trail.outcomes, "  -> ")):
        for link in links:
            typer.echo(f"{mark} {link.kind:15} {link.name}" + (f"  ({link.facts})" if link.facts else ""))


def _leftovers(n_without_photo: int, unmarked: tuple[str, ...]) -> None:
    if n_without_photo:
        typer.echo(f"{n_without_photo} judged answers have no photo here: it was not kept", err=True)
    if unmarked:
        typer.echo(f"{len(unmarked)} photos have a dent that nobody marked; mark them: {unmarked[0]} …", err=True)
