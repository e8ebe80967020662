"""From patches to their variants: augment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from commands.workers import Dask, Workers

if TYPE_CHECKING:
    from labeling.patches import Patch, PatchSet

Found = TypeVar("Found", "PatchSet", "tuple[Patch, ...]")


def augment(
    project: Annotated[Path, typer.Argument(help="the project folder")],
    preview: Annotated[bool, typer.Option("--preview", help="write contact sheets of one patch")] = False,
    write: Annotated[bool, typer.Option("--write", help="write every variant of every patch as a PNG")] = False,
    patch: Annotated[str, typer.Option(help="id of the patch to preview; the first dent unless given")] = "",
    seed: Annotated[int, typer.Option(help="seed of the random transforms in the preview")] = 0,
    patches_at: Annotated[
        str, typer.Option("--patches", help="folder or URL of the patches to write; the project's by default")
    ] = "",
    workers: Workers = 1,
    dask: Dask = "",
) -> None:
    """Show or write what patches become: 48 variants each, and the article's random transforms.

    Training makes the variants from the contexts as it goes and reads no files: --write is for people and
    other programs. Each variant lies in the split of its patch. Killed, --write goes on where it was; the
    files are the same whatever the number of workers.

    Example: dentline augment my-part --preview
    """
    from dentline.errors import DentlineError
    from dentline.workspace import Workspace
    from labeling import patches

    workspace = Workspace.open(project)
    if not (preview or write):
        raise DentlineError("augment", "neither --preview nor --write was asked for", "give one of them, or both")
    if preview:
        _preview(workspace.previews, _some(patches.read(workspace.patches)), patch, seed)
    if write:
        from augmentation import writing
        from commands.progress import Bars
        from dentline import shards

        rows, contexts = patches.at(patches_at or str(workspace.patches))
        _some(rows)
        with Bars() as bars:
            n = writing.write(workspace.variants, contexts, rows, bars.show, shards.chosen(workers, dask))
        typer.echo(f"{workspace.variants}: {n} variants of {len(rows)} patches")


def _some(found: Found) -> Found:
    from dentline.errors import DentlineError

    if not len(found):
        raise DentlineError("patches", "there is none", "mark photos and cut again with: dentline cut")
    return found


def _preview(folder: Path, cut: "PatchSet", patch_id: str, seed: int) -> None:
    import numpy as np

    from augmentation import preview
    from dentline.errors import DentlineError
    from dentline.files import replacing
    from dentline.images import encode_png

    ids = [p.patch_id for p in cut.patches]
    if patch_id and patch_id not in ids:
        raise DentlineError(f"augment: --patch {patch_id}", "there is no such patch", f"known are {ids[0]} and others")
    whole = [2 * p.label - p.edge for p in cut.patches]  # the first dent whose surroundings are all real
    row = ids.index(patch_id) if patch_id else int(np.argmax(whole))
    context = np.asarray(cut.contexts[row])
    sheets = {
        "dihedral48.png": preview.all_variants(context),
        "article.png": preview.random_draws(context, np.random.default_rng(seed)),
    }
    for name, picture in sheets.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(encode_png(picture))
        typer.echo(f"{folder / name}: patch {ids[row]}")
