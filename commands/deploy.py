"""The champion's release to Azure ML: packed, tried here, sent."""

from pathlib import Path
from typing import Annotated

import typer


def deploy(
    project: Annotated[Path, typer.Argument(help="the project folder")],
    endpoint: Annotated[str | None, typer.Option(help="name of the online endpoint")] = None,
    slot: Annotated[str, typer.Option(help="blue or green: which deployment is filled")] = "blue",
    traffic: Annotated[int, typer.Option(min=0, max=100, help="percent of the requests it gets")] = 100,
    instance_type: Annotated[str, typer.Option(help="machine of the deployment")] = "Standard_F2s_v2",
    instances: Annotated[int, typer.Option(min=1, help="machines to begin with")] = 1,
    compute: Annotated[str, typer.Option(help="cluster of the batch deployment")] = "cpu-cluster",
    quota: Annotated[int | None, typer.Option(help="cores of your quota, to check against")] = None,
    run: Annotated[str | None, typer.Option(help="release this run's bundle instead of the champion's")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="try, print what would be sent, send nothing")] = False,
) -> None:
    """Pack the champion for Azure ML, try it here as Azure would run it, and send it.

    The release is written to the project's azure/ folder. It is sent only when every check passes.

    Example: dentline deploy my-part --endpoint dentline-door --dry-run
    """
    import shutil
    from typing import cast

    from dentline.errors import DentlineError
    from dentline.workspace import Workspace
    from deployment import champion
    from deployment.azure import pack, preflight, release, send

    workspace = Workspace.open(project)
    if slot not in release.SLOTS:
        raise DentlineError("--slot", f"is {slot!r}", f"it is one of {', '.join(release.SLOTS)}")
    bundle = workspace.bundle(run or champion.current(workspace).run_id)
    name = endpoint or f"dentline-{workspace.name}".lower()[:26]
    made = release.Release(
        name,
        slot=cast(release.Slot, slot),
        traffic=traffic,
        instance_type=instance_type,
        n_instances=instances,
        most_instances=max(4, instances),
        compute=compute,
    )
    folder = workspace.azure / f"{made.endpoint}-{made.slot}"
    shutil.rmtree(folder, ignore_errors=True)
    pack.pack(bundle, made, folder)
    findings = preflight.check(folder, list(workspace.photo_paths().values()), quota)
    for finding in findings:
        typer.echo(str(finding))
    faults = sum(not finding.ok for finding in findings)
    if faults:
        raise DentlineError(str(folder), f"{faults} of {len(findings)} checks failed", "mend them; nothing was sent")
    if dry_run:
        for line in send.described(folder):
            typer.echo(line)
        typer.echo(f"nothing was sent; the release lies in {folder}")
        return
    client = send.connect()
    typer.echo(f"online: {send.online(client, folder, traffic)}")
    typer.echo(f"batch: {send.batch(client, folder)}")
