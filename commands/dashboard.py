"""Scores and runs to Power BI: export."""

from pathlib import Path

import typer


def export(
    project: Path = typer.Argument(..., help="the project folder"),
    parquet: bool = typer.Option(False, help="also write Parquet files, below dashboard/parquet/"),
    powerbi: bool = typer.Option(False, help="write the Power BI project anew; it is written once, then left to you"),
    wide: bool = typer.Option(False, help="also write wide.csv: one file with everything about an answer on its row"),
) -> None:
    """Write the CSV files for Power BI: facts by month, dimensions, every key resolved.

    Run it as often as you like: it adds what is new and leaves closed months alone.

    Example: dentline export my-part --wide
    """
    from datetime import UTC, datetime

    from dashboards.export import export as write
    from dashboards.powerbi import project as pbip
    from dentline import recipe
    from dentline.workspace import Workspace

    workspace = Workspace.open(project)
    settings = recipe.load(workspace.recipe).dashboard
    done = write(workspace, datetime.now(UTC), settings, parquet, wide)
    for file in done.repaired:
        typer.echo(f"{file} was missing or cut and was written again", err=True)
    new = ", ".join(f"{count} new in {name}" for name, count in done.n_new.items()) or "no scores.db yet"
    typer.echo(f"{done.folder}: {len(done.written)} files written; {new}")
    folder = done.folder / "powerbi"
    if powerbi or not folder.is_dir():
        pbip.write(folder, workspace.name, str(done.folder.resolve()), settings)
    typer.echo(f"{folder}: open {workspace.name}.pbip in Power BI Desktop; its parameter DataFolder is {done.folder}")


def dashboard(
    project: Path = typer.Argument(..., help="the project folder"),
    days: int = typer.Option(92, min=1, help="how many days before the last answer are shown"),
) -> None:
    """Write dashboard.html: what happened today, quality, models; one file that opens without a network.

    The star's files are brought up to date first.

    Example: dentline dashboard my-part
    """
    from datetime import UTC, datetime

    from dashboards import report
    from dashboards.export import export as write
    from dentline import recipe
    from dentline.workspace import Workspace

    workspace = Workspace.open(project)
    job = recipe.load(workspace.recipe)
    done = write(workspace, datetime.now(UTC), job.dashboard)
    typer.echo(f"{report.write(done.folder, job, workspace.name, days)}: open it in a browser")


def drift(project: Path = typer.Argument(..., help="the project folder")) -> None:
    """Compare the photos scored since the last check with those of training, and record what was found.

    Each station by its last 100 photos, by hour and by day; an alarm is a row of scores.db, of the dashboard and of
    the service's /metrics. Exit status 1 where something new alarmed.

    Example: dentline drift my-part
    """
    from dashboards import drift as checks
    from dentline import recipe
    from dentline.workspace import Workspace

    workspace = Workspace.open(project)
    found = checks.check(workspace, recipe.load(workspace.recipe).dashboard.drift_false_alarms)
    for model_id in found.unreferenced:
        typer.echo(f"{model_id}: no reference of its training photos, so nothing to compare with", err=True)
    alarms = [check for check in found.checks if check.is_alarm]
    for check in alarms:
        typer.echo(
            f"{check.measured_at}  {check.station or '(no station)'}: {check.measure} over {check.n_photos} photos "
            f"({check.period}): PSI {check.psi:.2f} of {check.psi_threshold:.2f}, KS {check.ks:.2f} of "
            f"{check.ks_threshold:.2f}"
        )
    typer.echo(f"{len(found.checks)} checks, {len(alarms)} alarms; written to {workspace.scores}")
    raise typer.Exit(1 if alarms else 0)
