"""dentline serve, score, call, promote: a bundle in use."""

from pathlib import Path

import typer


def serve(
    project: Path | None = typer.Argument(None, help="Project folder: its champion is served."),
    model: Path | None = typer.Option(None, help="Serve this bundle instead of the project's champion."),
    scores: Path | None = typer.Option(None, help="Record the scores here instead of the project's scores.db."),
    host: str | None = typer.Option(None, help="Address; other than loopback only with --keys-file."),
    port: int | None = typer.Option(None, help="Port; 0 takes a free one."),
    workers: int | None = typer.Option(None, help="Processes; one a core."),
    keys_file: Path | None = typer.Option(None, help="One key a line; read again when it changes."),
    formats: str | None = typer.Option(None, help="Kinds of picture taken: jpeg,png,webp,bmp."),
    durability: str | None = typer.Option(None, help="normal, or full: flush each score to the disk."),
    retention_days: int | None = typer.Option(None, help="Delete scores older than this; 0 keeps them."),
    keep_images: Path | None = typer.Option(
        None, help="Keep flagged photos and a sample of the passed here, to be judged at /tray."
    ),
    image_url_hosts: str | None = typer.Option(None, help="Hosts GET /predict?image_url= may fetch from, a,b."),
    log: str | None = typer.Option(None, help="A line a request on stderr: text, json or none."),
) -> None:
    """Serve the champion: POST /score, and a page to drop a photo on.

    Every option is also an environment variable, DENTLINE_PORT and so on, and some settings are
    variables alone: docs/serving.md lists them all.

    Example: dentline serve my-part --port 8000
    """
    given = {name: value for name, value in locals().items() if value is not None}

    import ipaddress
    from dataclasses import replace

    from dentline.errors import DentlineError
    from deployment import settings, supervisor
    from deployment.listener import listen
    from deployment.state import scores_of, source_of

    chosen = settings.read({**settings.write(settings.read()), **settings.named(given)})
    loopback = chosen.host == "localhost" or ipaddress.ip_address(chosen.host).is_loopback
    if not loopback and chosen.keys_file is None:
        raise DentlineError(f"--host {chosen.host}", "is open to the network without keys", "give --keys-file FILE")
    source_of(chosen)()
    scores_of(chosen)
    try:
        listener = listen(chosen.host, chosen.port)
    except OSError as error:
        raise DentlineError(f"{chosen.host}:{chosen.port}", f"cannot be listened on: {error.strerror}") from error
    bound = listener.getsockname()[1]
    typer.echo(f"http://{chosen.host}:{bound}")
    status = supervisor.run(replace(chosen, port=bound), listener)
    if status:
        raise typer.Exit(status)


def score(
    project: Path = typer.Argument(..., help="Project folder: its champion scores, its scores.db records."),
    photos: list[str] = typer.Argument(..., help="Files, folders or globs."),
    part_id: str | None = typer.Option(None, help="The part that these photos show."),
    station: str | None = typer.Option(None, help="Where they were taken."),
    model: Path | None = typer.Option(None, help="Score with this bundle instead of the champion."),
) -> None:
    """Score photos here, without a service. One line a photo: verdict, p, number of defects, path.

    A photo that cannot be scored is told and left out; the exit status is then 1. Every score is in
    scores.db before its line is printed.

    Example: dentline score my-part my-part/photos
    """
    from commands.progress import Bars
    from dentline.images import ALL_FORMATS, ImageError, Limits
    from dentline.sources import named
    from dentline.workspace import Workspace
    from deployment import bundle, champion, door
    from deployment.photos import photo_id
    from deployment.records import Records
    from deployment.request import ScoreRequest
    from deployment.scorer import Scorer

    workspace = Workspace.open(project)
    paths = named(photos)
    folder = model or workspace.bundle(champion.current(workspace).run_id)
    scorer = Scorer(bundle.load(folder), Limits(max_bytes=1_000_000_000, formats=ALL_FORMATS))
    scorer.setup()
    records = Records(workspace.scores)
    request_id, n_failed = door.request_id(None), 0
    with Bars() as bars:
        for n_done, path in enumerate(paths):
            bars.show("score", n_done, len(paths))
            try:
                request = ScoreRequest((path.read_bytes(),), (photo_id(path, workspace.photos),), part_id, station)
                scored = door.score(scorer, request, request_id, "command")
            except (ImageError, OSError) as error:
                typer.echo(f"dentline: {path}: {error}", err=True)
                n_failed += 1
                continue
            records.add(scored.records)
            answer = scored.records[0].answer
            typer.echo(f"{answer.verdict}\t{answer.p:.4f}\t{len(answer.defects)}\t{path}")
    typer.echo(f"{len(paths) - n_failed} scored by {scorer.model_id}, {n_failed} refused: {workspace.scores}", err=True)
    if n_failed:
        raise typer.Exit(1)


def promote(
    project: Path = typer.Argument(..., help="Project folder."),
    run: str | None = typer.Argument(None, help="Run whose bundle shall be served."),
    back: bool = typer.Option(False, "--back", help="Return to the champion before."),
) -> None:
    """Make a run's model the champion, or return to the one before. A running service follows at once.

    Example: dentline promote my-part 20261120-081500-vgg16
    """
    from dentline.errors import DentlineError
    from dentline.workspace import Workspace
    from deployment import champion

    workspace = Workspace.open(project)
    if (run is None) != back:
        raise DentlineError("dentline promote", "got a run and --back, or neither", "name a run, or give --back")
    now = champion.promote(workspace, run) if run else champion.back(workspace)
    before = f"before: {now.previous[-1].run_id}" if now.previous else "the first one"
    typer.echo(f"{now.run_id} is the champion ({before}): {workspace.champion}")


def call(
    url: str = typer.Argument(..., help="Address of the service, as dentline serve prints it."),
    photos: list[str] = typer.Argument(..., help="Files, folders or globs."),
    part_id: str | None = typer.Option(None, help="The part that all these photos show."),
    station: str | None = typer.Option(None, help="Where they were taken."),
    csv: Path | None = typer.Option(None, help="Write a table here: a row a photo, UTF-8."),
    key_file: Path | None = typer.Option(None, help="File whose first line is the key."),
) -> None:
    """Send photos to a running service, one at a time; waits and tries again when it is busy.

    One line a photo: verdict, p, number of defects, path. A photo that is refused is told and left out;
    the exit status is then 1.

    Example: dentline call http://127.0.0.1:8000 my-part/photos --csv scores.csv
    """
    from commands.progress import Bars
    from dentline.errors import DentlineError
    from dentline.sources import named
    from deployment import photo_table
    from deployment.client import Client, Refused

    paths = named(photos)
    key = key_file.read_text(encoding="utf-8").split("\n")[0].strip() if key_file else None
    rows: list[photo_table.Row] = []
    with Client(url, key) as client, Bars() as bars:
        for n_done, path in enumerate(paths):
            bars.show("call", n_done, len(paths))
            try:
                photo = client.score(path, photo_ids=[path.name], part_id=part_id, station=station).photos[0]
            except (Refused, OSError) as error:
                if isinstance(error, Refused) and error.status == 401:
                    raise DentlineError(url, "asks for a key", "give --key-file FILE") from error
                typer.echo(f"dentline: {path}: {error}", err=True)
                continue
            rows.append(photo_table.Row.of(path, photo))
            typer.echo(f"{photo.verdict}\t{photo.p:.4f}\t{len(photo.defects)}\t{path}")
    if csv is not None:
        photo_table.write(csv, rows)
    n_failed = len(paths) - len(rows)
    wrote = f": {csv}" if csv else ""
    typer.echo(f"{len(rows)} scored, {n_failed} refused, {client.n_retries} tried again{wrote}", err=True)
    if n_failed:
        raise typer.Exit(1)
