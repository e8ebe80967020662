"""Why a photo scored as it did."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployment.scorer import Scorer

    Pixels = NDArray[np.uint8]


class By(StrEnum):
    """The ways to explain."""

    hiding = "hiding"
    scan = "scan"
    cam = "cam"


def explain(
    project: Annotated[Path, typer.Argument(help="the project folder: its champion is asked")],
    photo: Annotated[Path, typer.Argument(help="a photo")],
    out: Annotated[Path, typer.Option(help="where the picture is written, a .png")] = Path("explained.png"),
    by: Annotated[
        By, typer.Option(help="scan: the heat map of a patch model; cam: Grad-CAM of the surest place; hiding: areas")
    ] = By.hiding,
    areas: Annotated[int, typer.Option(min=2, max=64, help="hiding: areas along the photo's longer side")] = 10,
) -> None:
    """Show what a photo's verdict rests on.

    Hiding one area after another and scoring again works for every model and says how far p falls, or how far
    corners move; the scan is the probability at every place; Grad-CAM says which pixels of the surest place moved
    the answer, and by how much it falls when they are hidden.

    Example: dentline explain my-part my-part/photos/door-1.jpg --by scan --out why.png
    """
    from dentline import images
    from dentline.files import replacing
    from dentline.workspace import Workspace
    from deployment import bundle, champion
    from deployment.scorer import Scorer

    workspace = Workspace.open(project)
    scorer = Scorer(bundle.load(workspace.bundle(champion.current(workspace).run_id)))
    scorer.setup()
    pixels = images.read(photo)
    picture, lines = {By.hiding: _hidden, By.scan: _scanned, By.cam: _cam}[by](scorer, pixels, areas)
    with replacing(out) as temporary:
        temporary.write_bytes(images.encode_png(picture))
    for line in lines:
        typer.echo(line)
    typer.echo(f"{out}: coloured where it speaks for a defect")


def _hidden(scorer: "Scorer", pixels: "Pixels", areas: int) -> "tuple[Pixels, list[str]]":
    import numpy as np

    from deployment import explain as explaining

    found = explaining.explain(scorer, pixels, areas)
    row, column = found.strongest
    strongest, typical = float(found.drop[row, column]), float(np.median(np.abs(found.drop)))
    area = f"hiding the {found.side_px} px from ({column * found.side_px}, {row * found.side_px}) on "
    if scorer.bundle.contract.task == "corners":
        lines = [f"{area}moves the corners by {strongest:.2f} px, hiding a typical area by {typical:.2f} px"]
        nothing = strongest < 1
    else:
        lines = [f"p {found.p:.4f}; {area}lowers it by {strongest:.4f}, hiding a typical area by {typical:.4f}"]
        nothing = strongest < 0.05
    if nothing:
        lines.append("no single area carries the verdict: the map shows nothing to rely on")
    return explaining.drawn(pixels, found), lines


def _scanned(scorer: "Scorer", pixels: "Pixels", areas: int) -> "tuple[Pixels, list[str]]":
    from dentline.errors import DentlineError
    from deployment import cam

    if scorer.bundle.contract.task != "patch":
        raise DentlineError("explain --by scan", "the model sees whole photos at once", "use --by cam or --by hiding")
    prediction = scorer.predict(pixels)
    places = ", ".join(f"({x:.0f}, {y:.0f})" for x, y in prediction.defects.xy)
    return cam.heat_drawn(pixels, prediction), [f"p {prediction.p:.4f}; called: {places or 'nothing'}"]


def _cam(scorer: "Scorer", pixels: "Pixels", areas: int) -> "tuple[Pixels, list[str]]":
    import numpy as np

    from deployment import cam
    from deployment import explain as explaining

    prediction = scorer.predict(pixels)
    found = cam.cam(scorer, pixels, prediction)
    x, y = found.corners_xy.mean(axis=0)
    height, width = pixels.shape[:2]
    worth = explaining.worth(scorer, pixels, cam.on_photo(found, height, width), np.random.default_rng(0))
    fallen = f"hiding the yellow area, {100 * worth.share:.1f} % of the photo, lowers p by {worth.drop:.4f}"
    if worth.n:
        fallen += f"; as much hidden elsewhere lowers it by {worth.elsewhere:.4f} (mean of {worth.n})"
    else:
        fallen += "; so large an area leaves no room to hide as much elsewhere"
    lines = [f"p {prediction.p:.4f}; looked at around ({x:.0f}, {y:.0f})", fallen]
    if worth.drop < max(0.05, 2 * worth.elsewhere):
        lines.append("the verdict does not rest on what the map shows")
    return cam.drawn(pixels, found), lines
