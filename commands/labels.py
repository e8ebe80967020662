"""A project's labels: init, import, split; history, restore, backup, formats out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from labeling.patches import Patch

_LEAK_PATCHES = 4000
"""About how many negatives the leak report judges: more would only take longer."""

Project = Annotated[Path, typer.Argument(help="the project folder")]
Annotator = Annotated[str, typer.Option(help="who marks, where the source does not say")]


def init(
    project: Project,
    recipe_from: Annotated[str, typer.Option("--recipe", help="a recipe.toml, or a name out of recipes/")] = "",
    photos: Annotated[Path | None, typer.Option(help="a folder of photos to copy in")] = None,
) -> None:
    """Make a project folder: recipe.toml and photos/.

    Example: dentline init my-part
    """
    from commands.progress import Bars
    from labeling import projects

    with Bars() as bars:
        workspace = projects.make(project, recipe_from, photos, bars.show)
    typer.echo(f"{workspace.recipe}: every option with its meaning")
    typer.echo(f"{workspace.photos}: {len(workspace.photo_paths())} photos")


def import_(
    project: Project,
    source: Annotated[Path, typer.Argument(help="a file or folder of labels")],
    format: Annotated[
        str, typer.Option(help="csv, coco, yolo, cvat, label-studio, labelme, masks or dotted; found out")
    ] = "",
    photos: Annotated[Path | None, typer.Option(help="a folder of photos to copy in with them")] = None,
    annotator: Annotator = "import",
    empty: Annotated[
        Literal["new", "clean"], typer.Option(help="what a photo is that is listed without marks or a word on it")
    ] = "new",
    category: Annotated[
        list[str] | None,
        typer.Option(help="marks of this category are dents, where there are several; may be repeated"),
    ] = None,
    replace: Annotated[bool, typer.Option(help="give labels that differ a new revision, as the source has it")] = False,
) -> None:
    """Import labels, with the photos and groups that come with them: all of it, or nothing.

    CSV: a folder with images/, centers.csv (image,x,y) and images.csv (image,surface,part); or one file,
    where a row without x and y is a photo without dents. Masks: a centre a connected spot. Dotted: Train
    and Train_dotted, the same photo with a dot painted on each dent. COCO, YOLO, CVAT, Label Studio and
    labelme files as these tools write them: docs/formats.md says what each carries.

    Example: dentline init my-part && dentline import my-part ../shared/data/tiles
    """
    from commands.progress import Bars
    from dentline.workspace import Workspace
    from labeling import importing

    workspace = Workspace.open(project)
    with Bars() as bars:
        told = (empty, category or (), replace, bars.show)
        done = importing.bring_in(workspace, source, annotator, format or None, photos, *told)
    n_centers = sum(len(a.centers) for a in done.stored)
    n_clean = sum(a.status == "clean" for a in done.stored)
    typer.echo(f"{workspace.photos}: {len(done.copied)} photos copied")
    typer.echo(
        f"{workspace.labels}: {len(done.stored)} photos labelled from {done.format}: {n_centers} centers, "
        f"{n_clean} photos reviewed and clean; {done.unchanged} were there just so"
    )
    if done.grouped:
        typer.echo(f"{workspace.groups}: the part of {done.grouped} photos")
    if done.unreviewed:
        typer.echo(
            f"{len(done.unreviewed)} photos are listed without marks and stay new; if they were reviewed: --empty clean"
        )


def split(
    project: Project,
    again: Annotated[bool, typer.Option(help="forget the earlier deal")] = False,
    each_photo_alone: Annotated[bool, typer.Option(help="no two photos show the same part: needs no groups")] = False,
    report: Annotated[bool, typer.Option(help="also print the score that a split by file would have claimed")] = False,
) -> None:
    """Deal the groups of photos to train, validation and test, once: every later stage inherits it.

    Photos that came since the last deal join their group's side or are dealt; nothing else moves.

    Example: dentline split my-part --report
    """
    from dataclasses import replace

    from dentline import recipe
    from dentline.workspace import Workspace
    from labeling import cutting, patches
    from labeling import split as splits
    from labeling.store import Store

    workspace = Workspace.open(project)
    job = recipe.load(workspace.recipe)
    assignments = splits.renew(workspace, job.split, again, each_photo_alone)
    with Store(workspace.labels) as store:
        latest = store.latest()
    for side in splits.SIDES:
        photos = [p for p, a in assignments.items() if a.split == side]
        n_groups = len({assignments[p].group for p in photos})
        n_dented = sum(bool(latest[p].centers) for p in photos if p in latest)
        typer.echo(f"{side:10} {n_groups:5} groups {len(photos):6} photos {n_dented:6} with a dent")
    typer.echo(f"{workspace.split}: seed {job.split.seed}")
    if workspace.patches.exists() and not splits.holds(assignments, patches.read(workspace.patches).patches):
        typer.echo(f"{workspace.patches} is of an earlier split: dentline cut {project}", err=True)
    if report:
        few = min(job.patches.negatives_per_photo, max(1, _LEAK_PATCHES // max(1, len(latest))))
        wanted = replace(job.patches, negatives_per_photo=few)
        _leak_report(cutting.plan(latest.values(), assignments, wanted), workspace.photo_paths())


def _leak_report(planned: "list[Patch]", photos: dict[str, Path]) -> None:
    import numpy as np

    from commands.progress import Bars
    from labeling import cutting, leak
    from training import metrics

    rng = np.random.default_rng(0)
    label = np.array([patch.label for patch in planned], np.int8)
    files, groups = [patch.photo_id for patch in planned], [patch.group for patch in planned]
    with Bars() as bars:
        claims = leak.claims(cutting.pictures(planned, photos, bars.show), label, files, groups, rng, bars.show)
    if claims is None:
        typer.echo("no leak report: it needs dents in two groups and photos of two groups without")
        return
    typer.echo(
        f"What a leak would claim: HOG and a linear SVM on {len(label)} patches ({label.sum()} dents, "
        f"{len(set(groups))} groups), cross-validated; [95 % by bootstrap over groups]"
    )
    for name, score in (("split by file: a leak", claims.by_file), ("split by group: honest", claims.by_group)):
        values = metrics.measure(label, score, np.array(groups), 0.0, rng).values
        told = [f"{k} {values[k].value:.4f} [{values[k].low:.4f}, {values[k].high:.4f}]" for k in metrics.RANKED]
        typer.echo(f"  {name:22}  " + "  ".join(told))
