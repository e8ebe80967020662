"""Why a photo scored as it did."""

from pathlib import Path
from typing import Annotated

import typer


def explain(
    project: Annotated[Path, typer.Argument(help="the project folder: its champion is asked")],
    photo: Annotated[Path, typer.Argument(help="a photo")],
    out: Annotated[Path, typer.Option(help="where the picture is written, a .png")] = Path("explained.png"),
    areas: Annotated[int, typer.Option(min=2, max=64, help="areas along the photo's longer side")] = 10,
) -> None:
    """Hide one area of a photo after another and say how far its score falls: what the verdict rests on.

    Example: dentline explain my-part my-part/photos/door-1.jpg --out why.png
    """
    import numpy as np

    from dentline import images
    from dentline.files import replacing
    from dentline.workspace import Workspace
    from deployment import bundle, champion
    from deployment import explain as explaining
    from deployment.scorer import Scorer

    workspace = Workspace.open(project)
    scorer = Scorer(bundle.load(workspace.bundle(champion.current(workspace).run_id)))
    scorer.setup()
    pixels = images.read(photo)
    found = explaining.explain(scorer, pixels, areas)
    with replacing(out) as temporary:
        temporary.write_bytes(images.encode_png(explaining.drawn(pixels, found)))
    row, column = found.strongest
    strongest, typical = float(found.drop[row, column]), float(np.median(np.abs(found.drop)))
    typer.echo(
        f"p {found.p:.4f}; hiding the {found.side_px} px from ({column * found.side_px}, {row * found.side_px}) on "
        f"lowers it by {strongest:.4f}, hiding a typical area by {typical:.4f}"
    )
    if strongest < 0.05:
        typer.echo("no single area carries the verdict: the map shows nothing to rely on")
    typer.echo(f"{out}: red where hiding lowers p")
