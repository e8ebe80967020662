"""Which photos show the same part: find, look, confirm or correct."""

from pathlib import Path

import typer


def groups(
    project: Path = typer.Argument(help="the project folder"),
    propose: bool = typer.Option(False, "--propose", help="find photos of the same part (the default)"),
    confirm: bool = typer.Option(False, "--confirm", help="accept the groups as they stand"),
    join: tuple[str, str] = typer.Option(("", ""), "--join", metavar="A B", help="these two show the same part"),
    apart: tuple[str, str] = typer.Option(("", ""), "--apart", metavar="A B", help="these two show different parts"),
    seed: int = typer.Option(0, help="seed of the search for candidate pairs"),
) -> None:
    """Put photos of the same part into one group, so that the split never tears them apart.

    Near-duplicates are found from the pixels alone, under other light and shifted too. Writes groups.csv,
    group_proposals.csv (every pair that speaks for itself, each uncertain one with the way it went) and
    groups.html to look at.

    Example: dentline groups my-part --propose
    """
    import numpy as np

    from commands.progress import Bars
    from dentline.errors import DentlineError
    from dentline.workspace import Workspace
    from labeling import group_sheet, near_duplicates, verdicts
    from labeling import groups as grouping

    ws = Workspace.open(project)
    asked = [propose, confirm, any(join), any(apart)]
    if sum(asked) > 1:
        raise DentlineError("dentline groups", "one of --propose, --confirm, --join, --apart at a time")
    photos = ws.photo_paths()
    if not photos:
        raise DentlineError(str(ws.photos), "holds no photos", "put some there first")
    before = grouping.read(ws.groups)
    if confirm:
        if not before:
            raise DentlineError(str(ws.groups), "does not exist", f"run: dentline groups {project} --propose")
        members = grouping.confirm(before.values())
        grouping.write(ws.groups, members)
        typer.echo(f"{len({m.group for m in members})} groups of {len(members)} photos confirmed: {ws.groups}")
        return
    for photo_id in (*join, *apart):
        if photo_id and photo_id not in photos:
            raise DentlineError(str(ws.photos), f"has no photo {photo_id!r}", "write its path below photos/")
    said = verdicts.read(ws.group_proposals)
    with Bars() as bars:
        if any(join):
            found = [verdicts.by_hand(*join, "joined")]
        elif any(apart):
            found = [verdicts.by_hand(*apart, "kept apart")]
        else:
            said = [v for v in said if v.certainty == "by hand"]
            found = near_duplicates.find(photos, np.random.default_rng(seed), bars.show)
        known = verdicts.updated(said, found)
        parts = {m.photo_id: m.part for m in before.values() if m.part}
        reopened = {before[p].group for p in (*join, *apart) if p in before}
        settled = {m.photo_id: m.group for m in before.values() if m.origin == "confirmed" and m.group not in reopened}
        members = grouping.join(photos, parts, known, settled)
        group_of = {m.photo_id: m.group for m in members}
        verdicts.write(ws.group_proposals, known, group_of)
        grouping.write(ws.groups, members)
        group_sheet.write(ws.group_sheet, photos, members, known, str(project), bars.show)
    uncertain = [v for v in known if v.certainty == "uncertain"]
    joined = sum(group_of.get(v.photo_a) == group_of.get(v.photo_b) for v in uncertain)
    n_groups = len(set(group_of.values()))
    typer.echo(f"{len(photos)} photos in {n_groups} groups: {ws.groups}")
    typer.echo(f"{len(uncertain)} uncertain pairs, {joined} of them joined: {ws.group_proposals}")
    typer.echo(f"look at: {ws.group_sheet}")
