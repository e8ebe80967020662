"""The command line: one Typer application, each verb registered here from its stage's file.

Modules of this room import nothing but Typer at the top: a command loads its stage when it runs, so
that ``dentline --help`` answers at once.
"""

import sys

import typer

from commands import (
    augment,
    dashboard,
    demo,
    deploy,
    doctor,
    explain,
    groups,
    jobs,
    label,
    label_history,
    labels,
    loop,
    patches,
    photo_list,
    samples,
    serve,
    surface,
    sweep,
    train,
)
from dentline.errors import DentlineError

app = typer.Typer(
    name="dentline",
    help="From photos of parts and clicks on their dents to a scoring service and a Power BI dashboard.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

labels_app = typer.Typer(help="Labels: history, restore, formats in and out.", no_args_is_help=True)
app.add_typer(labels_app, name="labels")


labels_app.command("log")(label_history.log)
labels_app.command("backup")(label_history.backup)
labels_app.command("restore")(label_history.restore)
labels_app.command("export")(label_history.export)
labels_app.command("agreement")(label_history.agreement)
app.command("submit")(jobs.submit)
app.add_typer(jobs.jobs_app, name="jobs")
app.command("demo")(demo.demo)
app.command("deploy")(deploy.deploy)
app.command("doctor")(doctor.doctor)
app.command("init")(labels.init)
app.command("import")(labels.import_)
app.command("split")(labels.split)
app.command("cut")(patches.cut)
app.command("augment")(augment.augment)
app.command("train")(train.train)
app.command("compare")(train.compare)
app.command("sweep")(sweep.sweep)
app.command("pretrain")(surface.pretrain)
app.command("propose")(surface.propose)
app.command("export")(dashboard.export)
app.command("dashboard")(dashboard.dashboard)
app.command("serve")(serve.serve)
app.command("score")(serve.score)
app.command("call")(serve.call)
app.command("score-many")(photo_list.score_many)
app.command("promote")(serve.promote)
app.command("drift")(dashboard.drift)
app.command("feedback")(loop.feedback)
app.command("retrain")(loop.retrain)
app.command("lineage")(loop.lineage)
app.command("groups")(groups.groups)
app.command("label")(label.label)
app.command("samples")(samples.samples)
app.command("explain")(explain.explain)


@app.callback()
def dentline() -> None:
    """From photos of parts and clicks on their dents to a scoring service and a Power BI dashboard."""


def main() -> None:
    """Run the command line; an expected failure prints one line and exits 2."""
    try:
        app()
    except DentlineError as error:
        print(f"dentline: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("dentline: interrupted", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
