"""Training somewhere else: send the project's training to a target, watch it, bring its runs back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dentline.workspace import Workspace

Project = Annotated[Path, typer.Argument(help="the project folder")]
JobId = Annotated[str, typer.Argument(help="the job, as `dentline jobs list` names it")]

jobs_app = typer.Typer(help="Training jobs: list, status, logs, cancel, resume, fetch.", no_args_is_help=True)


def submit(
    project: Project,
    target: Annotated[str, typer.Option(help="local, azureml:COMPUTE (SDK v1) or azure:COMPUTE (SDK v2)")] = "local",
    model: Annotated[list[str] | None, typer.Option(help="train this model only; may be given again")] = None,
    nodes: Annotated[int, typer.Option(min=1, help="machines that train together")] = 1,
    wait: Annotated[bool, typer.Option(help="show the log until the job ends, then bring its runs here")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="try, print what would be sent, send nothing")] = False,
    every: Annotated[str, typer.Option(help='train again by this cron expression, UTC, such as "0 4 * * 1"')] = "",
    data: Annotated[
        str, typer.Option(help="with --every: the project in a datastore, azureml://datastores/NAME/paths/FOLDER")
    ] = "",
) -> None:
    """Send the project's training, as one snapshot, to this machine or to Azure ML.

    With --every, Azure ML keeps a schedule that cuts and trains what then lies in the datastore.

    Example: dentline submit my-part --target local --model scratch --wait
    """
    from dentline.errors import DentlineError
    from dentline.workspace import Workspace
    from training import submit as jobs

    workspace = Workspace.open(project)
    if every:
        from training.targets.schedule import Schedule

        when = Schedule(every, data)
        name, told = jobs.plan(workspace, target, when, tuple(model or ()), nodes, dry_run)
        for line in told:
            typer.echo(line)
        typer.echo(f"schedule {name}: {'accepted by SDK v2; nothing was sent' if dry_run else 'sent'}")
        return
    if dry_run:
        _dry_run(workspace, target, tuple(model or ()), nodes)
        return
    sent = jobs.submit(workspace, target, tuple(model or ()), nodes)
    typer.echo(f"sent job {sent.job_id} to {sent.target}: {workspace.jobs / sent.job_id}")
    if not wait:
        typer.echo(f"watch it: dentline jobs logs {project} {sent.job_id}")
        return
    logs(project, sent.job_id)
    state = jobs.target(sent.target).status(sent.handle)
    if state != "completed":
        raise DentlineError(
            f"job {sent.job_id}", f"is {state}", f"resume it: dentline jobs resume {project} {sent.job_id}"
        )
    fetch(project, sent.job_id)


def _dry_run(workspace: "Workspace", target: str, models: tuple[str, ...], nodes: int) -> None:
    from dentline.errors import DentlineError
    from training import preflight

    findings, sent = preflight.rehearse(workspace, target, models, nodes)
    for line in [*findings, *sent]:
        typer.echo(str(line))
    faults = sum(not finding.ok for finding in findings)
    if faults:
        raise DentlineError(f"--target {target}", f"{faults} of {len(findings)} checks failed", "nothing was sent")
    typer.echo("nothing was sent")


@jobs_app.command("list")
def list_jobs(project: Project) -> None:
    """List the project's jobs and how each stands.

    Example: dentline jobs list my-part
    """
    from dentline.workspace import Workspace
    from training import submit as jobs

    for sent in jobs.submissions(Workspace.open(project)):
        state = jobs.target(sent.target).status(sent.handle)
        typer.echo(f"{sent.job_id}  {state:<10}{sent.target:<20}{sent.submitted_at}")


@jobs_app.command("status")
def status(project: Project, job: JobId) -> None:
    """Say how a job stands: queued, running, completed, failed, canceled or lost.

    Example: dentline jobs status my-part JOB
    """
    from dentline.workspace import Workspace
    from training import submit as jobs

    sent = jobs.read(Workspace.open(project), job)
    typer.echo(jobs.target(sent.target).status(sent.handle))


@jobs_app.command("logs")
def logs(project: Project, job: JobId) -> None:
    """Show a job's log, as it comes, until the job ends.

    Example: dentline jobs logs my-part JOB
    """
    from dentline.workspace import Workspace
    from training import submit as jobs

    sent = jobs.read(Workspace.open(project), job)
    for line in jobs.target(sent.target).logs(sent.handle):
        typer.echo(line)


@jobs_app.command("cancel")
def cancel(project: Project, job: JobId) -> None:
    """Stop a job; one that has ended stays as it is.

    Example: dentline jobs cancel my-part JOB
    """
    from dentline.workspace import Workspace
    from training import submit as jobs

    sent = jobs.read(Workspace.open(project), job)
    target = jobs.target(sent.target)
    target.cancel(sent.handle)
    typer.echo(f"job {job} is {target.status(sent.handle)}")


@jobs_app.command("resume")
def resume(project: Project, job: JobId) -> None:
    """Send a lost, failed or cancelled job again, over the same snapshot, from its last checkpoint.

    Example: dentline jobs resume my-part JOB
    """
    from dentline.workspace import Workspace
    from training import submit as jobs

    sent = jobs.resume(Workspace.open(project), job)
    typer.echo(f"sent job {sent.job_id} to {sent.target} again")


@jobs_app.command("fetch")
def fetch(project: Project, job: JobId) -> None:
    """Bring the runs a job has written into the project's runs/.

    Example: dentline jobs fetch my-part JOB
    """
    from dentline.workspace import Workspace
    from training import submit as jobs

    workspace = Workspace.open(project)
    for run_id in jobs.fetch(workspace, job):
        typer.echo(f"fetched run {run_id}: {workspace.run(run_id)}")
