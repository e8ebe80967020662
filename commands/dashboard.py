"""Scores and runs to Power BI: export."""

from pathlib import Path

import typer


def export(
    project: Path = typer.Argument(..., help="the project folder"),
    parquet: bool = typer.Option(False, help="also write Parquet files, below dashboard/parquet/"),
    wide: bool = typer.Option(False, help="also write wide.csv: one file with everything about an answer on its row"),
) -> None:
    """Write the CSV files for Power BI: facts by month, dimensions, every key resolved.

    Run it as often as you like: it adds what is new and leaves closed months alone.

    Example: dentline export my-part --wide
    """
    from datetime import UTC, datetime

    from dashboards.export import export as write
    from dentline.workspace import Workspace

    done = write(Workspace.open(project), datetime.now(UTC), parquet=parquet, wide=wide)
    for file in done.repaired:
        typer.echo(f"{file} was missing or cut and was written again", err=True)
    new = ", ".join(f"{count} new in {name}" for name, count in done.n_new.items()) or "no scores.db yet"
    typer.echo(f"{done.folder}: {len(done.written)} files written; {new}")
