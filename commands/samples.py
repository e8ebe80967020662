"""Generated photos with known truth, to try a recipe on."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def samples(
    kind: Annotated[
        Literal["panels", "nails", "screws", "parts", "certificates"], typer.Argument(help="what is photographed")
    ],
    folder: Annotated[Path, typer.Argument(help="an empty folder for photos/, centers.csv and images.csv")],
    parts: Annotated[int, typer.Option(min=1, help="how many parts; of screws, a sixth is damaged")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="another seed, other photos")] = 0,
) -> None:
    """Generate photos of parts with their labels, as `dentline import` reads them.

    Example: dentline samples nails my-nails-photos --parts 40
    """
    import importlib

    module = importlib.import_module(f"samples.{kind}")
    n_bad = max(1, parts // 6)
    counts = {"n_good": parts - n_bad, "n_bad": n_bad} if kind == "screws" else {f"n_{kind}": parts}
    made = module.generate(folder, **counts, seed=seed)
    typer.echo(f"{folder / 'photos'}: {made.n_photos} photos of {made.n_parts} {kind}, {made.n_points} marks")
