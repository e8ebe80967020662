"""Weights learnt on generated surfaces: pretrain makes them, propose asks them before there is a label."""

from pathlib import Path
from typing import Annotated

import typer


def pretrain(
    folder: Annotated[Path, typer.Argument(help="where each seed keeps its checkpoint, history and weights")],
    recipe: Annotated[Path, typer.Option(help="how they are learnt")] = Path("recipes/pretrain.toml"),
    seed: Annotated[list[int], typer.Option(help="a seed to train; give it several times")] = [0, 1, 2],  # noqa: B006
    until: Annotated[int, typer.Option(min=0, help="stop after so many steps and keep the average; 0: all")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="processor threads")] = 2,
) -> None:
    """Learn VGG16's first three blocks on generated surfaces, and choose the best seed on such surfaces alone.

    Stopped at any time, it goes on where it was. The chosen seed's weights.npz is what the package ships
    as training/models/vgg16_surface.npz, used with weights = "surface" in a recipe.

    Example: dentline pretrain pretraining --seed 0
    """
    from commands.quiet import without_notes

    with without_notes():
        import tensorflow as tf

    from dentline.options import load_as
    from samples import surfaces, textures
    from training import pretrain as room

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    wanted = load_as(room.Pretrain, recipe)
    folders = []
    for number in seed:
        made = room.train(
            wanted, number, surfaces.batches, len(textures.TEXTURES), folder / f"seed-{number}", until or None
        )
        folders.append(made.parent)
        typer.echo(f"{made}: {(made.parent / 'judged.json').read_text('utf-8').strip()}")
    typer.echo(f"chosen on generated surfaces: {room.chosen(folders) / 'weights.npz'}")


def propose(
    project: Annotated[Path, typer.Argument(help="the project folder")],
    least: Annotated[float, typer.Option(min=0, max=1, help="probability a place must reach")] = 0.3,
    most: Annotated[int, typer.Option(min=1, help="places a photo at most")] = 15,
) -> None:
    """Guess where defects are on photos that nobody has marked, to mark the likeliest photos first.

    The guess comes from a network that has seen generated surfaces only: it knows nothing of this part.
    proposals.csv has the places; the labeling page shows them as ghosts and begins with the photos on top.

    Example: dentline propose my-part
    """
    from commands.progress import Bars
    from commands.proposer import day0
    from dentline import images
    from dentline.workspace import Workspace
    from labeling import guesses
    from labeling.store import Store

    workspace = Workspace.open(project)
    with Store(workspace.labels) as store:
        known = store.latest()
    photos = {
        name: path for name, path in workspace.photo_paths().items() if name not in known or known[name].status == "new"
    }
    asked = day0(workspace, least, most)
    found = {}
    with Bars() as bars:
        for done, (name, path) in enumerate(photos.items(), 1):
            found[name] = asked(images.read(path))
            bars.show("asking", done, len(photos))
    guesses.write(workspace.proposals, found)
    n = sum(len(f.p) for f in found.values())
    typer.echo(f"{workspace.proposals}: {n} places on {len(found)} photos nobody has marked; a guess, not a verdict")
    for name in guesses.ordered(list(found), guesses.read(workspace.proposals))[:10]:
        typer.echo(f"  {max(found[name].p, default=0):.2f}  {len(found[name].p):3} places  {name}")
