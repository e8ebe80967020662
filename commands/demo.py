"""The whole way on generated photos: every stage as the command a user would type."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dentline.workspace import Workspace
    from training.run import Run

STATIONS = ("press", "paint")


def demo(
    folder: Annotated[Path, typer.Argument(help="where to work; it must not exist yet")] = Path("demo"),
    parts: Annotated[int, typer.Option(min=8, help="painted panels to generate, three photos each")] = 60,
    epochs: Annotated[int, typer.Option(min=1, help="most passes over the data")] = 12,
) -> None:
    """Run every stage on generated photos: labels, patches, training, service, dashboard.

    Each command is printed before it runs, so that this is also how to begin with photos of your own.

    Example: dentline demo my-demo --parts 10 --epochs 2
    """
    import time
    from dataclasses import replace

    from dentline import recipe
    from dentline.errors import DentlineError
    from dentline.files import write_text
    from dentline.workspace import Workspace
    from labeling import split

    if folder.exists():
        raise DentlineError(str(folder), "exists already", "remove it, or name another folder")
    started = time.monotonic()
    raw, project = folder / "camera", folder / "panels"
    _do("samples", "panels", raw, "--parts", parts)
    _do("init", project)
    workspace = Workspace.open(project)
    job = recipe.load(workspace.recipe)
    job = replace(
        job,
        name="painted panels",
        train=replace(job.train, epochs=epochs),
        # VGG16 takes some seconds a photo, scratch a tenth of one: it alone looks at whole photos here.
        scan=replace(job.scan, models=("scratch",)),
    )
    write_text(workspace.recipe, recipe.dumps(job))
    _do("import", project, raw)
    _do("split", project, "--report")
    _do("cut", project)
    _do("augment", project, "--preview")
    _do("train", project)
    _do("compare", project)
    champion = _champion(workspace)
    _do("promote", project, champion.run_id)

    test = {name: place for name, place in split.read(workspace.split).items() if place.split == "test"}
    with _service(project) as address:
        for number, part in enumerate(sorted({place.group for place in test.values()})):
            photos = [workspace.photos / name for name, place in test.items() if place.group == part]
            _do("call", address, *photos, "--part-id", part, "--station", STATIONS[number % len(STATIONS)])
    _do("export", project, "--wide")
    _do("dashboard", project)

    typer.echo(f"\nDone in {(time.monotonic() - started) / 60:.1f} minutes.")
    found = champion.places["test"].get("average_precision")
    if found:
        within = f"[{found['low']:.2f}, {found['high']:.2f}]"
        typer.echo(f"Dents in the test photos: average precision {found['value']:.2f} {within} of {found['n']} dents.")
    for what, where in {
        "report": champion.folder / "report.html",
        "dashboard": workspace.dashboard / "dashboard.html",
        "Power BI CSVs": workspace.dashboard,
        "labeling page": f"dentline label {project}",
        "service": f"dentline serve {project}",
    }.items():
        typer.echo(f"  {what:<14}{where}")


def _command(*words: object) -> list[str]:
    import sys

    return [sys.executable, "-m", "commands.app", *map(str, words)]


def _do(*words: object) -> None:
    """Show a command and run it; its failure ends the demo."""
    import subprocess

    shown = [str(word) for word in words]
    typer.secho(f"$ dentline {' '.join(shown)}", bold=True)
    done = subprocess.run(_command(*words), check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


def _champion(workspace: "Workspace") -> "Run":
    """Return the run that finds dents best in the validation photos."""
    from training import run

    found = [run.read(path.parent) for path in sorted(workspace.runs.glob("[!.]*/run.json"))]
    looked = [one for one in found if one.places]
    return max(looked, key=lambda one: one.places["validation"].get("average_precision", {"value": 0.0})["value"])


@contextmanager
def _service(project: Path) -> Iterator[str]:
    """Serve the project's champion on a free port of this machine, yield its address, stop it."""
    import subprocess

    typer.secho(f"$ dentline serve {project} --port 0 &", bold=True)
    service = subprocess.Popen(
        _command("serve", project, "--port", 0, "--log", "none"), stdout=subprocess.PIPE, text=True
    )
    assert service.stdout is not None
    try:
        address = service.stdout.readline().strip()
        if not address:
            raise typer.Exit(service.wait())
        typer.echo(address)
        yield address
    finally:
        service.terminate()
        service.communicate()
