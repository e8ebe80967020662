"""`dentline label`: open the labeling page of a project."""

from pathlib import Path
from typing import Annotated

import typer


def label(
    project: Annotated[Path, typer.Argument(help="the project folder")],
    host: Annotated[str, typer.Option(help="address to listen at; other machines reach it only when you change it")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen at; 0 takes a free one")] = 8765,
    key: Annotated[
        str, typer.Option(envvar="DENTLINE_LABEL_KEY", help="what visitors must know; made up when HOST needs one")
    ] = "",
    browser: Annotated[bool, typer.Option(help="open the page in the browser")] = True,
) -> None:
    """Mark the dents of a project's photos in the browser.

    Every click is saved as it is made. Several people can work at once: start it with
    `--host 0.0.0.0` and give them the address it prints, which carries the key.

    Example: dentline label my-part
    """
    from dentline.workspace import Workspace
    from labeling.desk import Desk
    from labeling.serve import serve

    serve(Desk.of(Workspace.open(project)), host, port, key, browser)
