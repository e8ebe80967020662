"""`dentline label`: open the labeling page of a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dentline.workspace import Workspace
    from labeling.proposals import Propose


def label(
    project: Path = typer.Argument(..., help="Project folder: its photos are shown, its labels.db written."),
    host: str = typer.Option("127.0.0.1", help="Address; other than loopback only with a key."),
    port: int = typer.Option(8765, min=0, max=65535, help="Port; 0 takes a free one."),
    key: str = typer.Option("", envvar="DENTLINE_LABEL_KEY", help="What visitors must know; made up where needed."),
    proposals: bool = typer.Option(True, help="Show what the champion finds, to accept or ignore."),
    browser: bool = typer.Option(True, help="Open the page in the browser."),
) -> None:
    """Mark the dents of a project's photos in the browser.

    Every click is saved as it is made. Several people can work at once: start it with
    --host 0.0.0.0 and give them the address it prints, which carries the key.

    Example: dentline label my-part
    """
    from dentline.workspace import Workspace
    from labeling.desk import Desk
    from labeling.serve import serve

    workspace = Workspace.open(project)
    serve(Desk.of(workspace, propose=champion(workspace) if proposals else None), host, port, key, browser)


def champion(workspace: Workspace) -> Propose | None:
    """Return what asks the champion for the dents of a photo, or None where there is no champion.

    The model is loaded when the first photo is asked about.
    """
    if not workspace.champion.is_file():
        return None

    from functools import cache

    from deployment import bundle, champion
    from deployment.scorer import Scorer
    from labeling.annotation import Center
    from labeling.proposals import Proposals

    found = bundle.load(workspace.bundle(champion.current(workspace).run_id))

    @cache
    def scorer() -> Scorer:
        made = Scorer(found)
        made.setup()
        return made

    def propose(photo: NDArray[np.uint8]) -> Proposals:
        height, width = photo.shape[:2]
        defects = scorer().predict(photo).defects
        inside = (defects.xy >= 0).all(axis=1) & (defects.xy < (width, height)).all(axis=1)
        centers = tuple(Center(float(x), float(y)) for x, y in defects.xy[inside])
        return Proposals(scorer().model_id, centers, tuple(map(float, defects.p[inside])))

    return propose
