"""From patches to trained, judged, exported models, and which of them is better."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from dentline.workspace import Workspace

Project = Annotated[Path, typer.Argument(help="the project folder")]


def train(
    project: Project,
    model: Annotated[list[str] | None, typer.Option(help="train this model only; may be given again")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the runs; the project's runs/ by default")] = None,
    weights: Annotated[
        str, typer.Option(help="of VGG16: auto, imagenet, surface, random or a file; the recipe's by default")
    ] = "",
    precision: Annotated[
        Literal["fp32", "int8", "auto"] | None,
        typer.Option(help="of the exported models; auto measures and takes the faster; the recipe's by default"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and check everything, train nothing")] = False,
) -> None:
    """Train each model of the recipe, judge it, export it, and write one report of all.

    A training that was stopped goes on from its last epoch when it is started again.

    Example: dentline train my-part --model scratch
    """
    from commands.progress import Bars
    from commands.quiet import without_notes
    from dentline.workspace import Workspace

    with without_notes():
        from training import train as stage

    workspace = Workspace.open(project)
    if dry_run:
        models, material = stage.planned(workspace, tuple(model or ()), weights)
        typer.echo(f"would train {', '.join(models)} on {material}")
        return
    with Bars() as bars:
        outcomes = stage.train(workspace, tuple(model or ()), out, bars.show, weights, precision)
    for outcome in outcomes:
        if outcome.run_id:
            folder = (out or workspace.runs) / outcome.run_id
            typer.echo(f"{outcome.model}: {folder}")
            if precision:
                _served(folder)
        else:
            typer.echo(f"{outcome.model}: not run: {outcome.reason}")
    if sum(bool(outcome.run_id) for outcome in outcomes) > 1:
        _table([(out or workspace.runs) / outcome.run_id for outcome in outcomes if outcome.run_id])


def _served(run: Path) -> None:
    from deployment import bundle

    chosen = bundle.load(run / "bundle").contract.precision
    for one in chosen.tried:
        typer.echo(
            f"  {one.precision}: {one.ms_per_picture:.2f} CPU ms a picture, AUC {one.auc:.4f} on {one.n_judged} of "
            f"validation, {one.verdicts_changed} verdicts changed, {one.golden_lost} golden ones lost"
        )
    typer.echo(f"  served in {chosen.name}")


def compare(
    project: Project,
    run: Annotated[list[str] | None, typer.Option(help="a run to compare; the newest of each model by default")] = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="the newest run against the champion; exit 1 if no better than noise")
    ] = False,
) -> None:
    """Print the runs' metrics on the test patches, which is better, and whether beyond the noise.

    With --gate, for a pipeline: the status is 0 when the newest run may replace the champion.

    Example: dentline compare my-part
    """
    from dentline.errors import DentlineError
    from dentline.workspace import Workspace

    workspace = Workspace.open(project)
    newest = {path.parent.name[16:]: path.parent.name for path in sorted(workspace.runs.glob("[!.]*/run.json"))}
    chosen = run or list(newest.values())
    if not chosen:
        raise DentlineError(str(workspace.runs), "has no run", "train first: dentline train")
    if gate:
        _gate(workspace, max(chosen))
        return
    _table([workspace.run(name) for name in chosen])


def _gate(workspace: "Workspace", challenger: str) -> None:
    from deployment import champion
    from training import run as runs
    from training.compare import compare as lead

    if not workspace.champion.exists():
        typer.echo(f"{challenger}: there is no champion yet")
        return
    served = champion.current(workspace).run_id
    if challenger == served:
        typer.echo(f"{challenger} is the champion already")
        raise typer.Exit(1)
    _table([workspace.run(challenger), workspace.run(served)])
    (difference,) = lead([runs.read(workspace.run(name)) for name in (challenger, served)])
    if difference.better != challenger or not difference.beyond_noise:
        typer.echo(f"{challenger} is not better than the champion beyond the noise")
        raise typer.Exit(1)


def _table(folders: list[Path]) -> None:
    import json

    tables = [json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["test"] for folder in folders]
    if "corner_error_px" in tables[0]:
        for folder, table in zip(folders, tables, strict=True):
            told = (f"{k} {v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for k, v in table.items() if "error" in k)
            typer.echo(f"{folder.name:<34}" + "  ".join(told) + f"  n {table['n']}")
        return
    from training import run as runs
    from training.compare import MEASURES
    from training.compare import compare as lead

    found = [runs.read(folder) for folder in folders]
    width = max(len(one.run_id) for one in found) + 2
    typer.echo(f"{'on the test patches':<20}" + "".join(f"{one.run_id:<{max(width, 30)}}" for one in found))
    for name in MEASURES:
        values = [one.metrics["test"][name] for one in found]
        cells = (f"{v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}] n {v['n']}" for v in values)
        typer.echo(f"{name:<20}" + "".join(f"{cell:<{max(width, 30)}}" for cell in cells))
    for difference in lead(found) if len(found) > 1 else ():
        value = difference.value
        typer.echo(
            f"{difference.better} leads {difference.worse} by {value.value:.3f} in average precision "
            f"[{value.low:.3f}, {value.high:.3f}]: "
            + ("beyond the noise" if difference.beyond_noise else "within the noise")
        )
    typer.echo("brackets: 95 % interval, bootstrap over groups; n: patches it rests on")
