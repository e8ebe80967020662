"""A finished run told to MLflow or to Azure ML's own run, never to both; its files are the record either way."""

import csv
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from dentline import checkout
from dentline.errors import DentlineError

FILES = ("recipe.toml", "run.json", "metrics.json", "history.csv")
TAGS = (
    *("data_fingerprint", "data_version", "code_version", "code_sha256"),
    *("environment_sha256", "weights", "weights_sha256"),
)
"""Fields of run.json that say where a run comes from."""


@dataclass(frozen=True)
class Told:
    """A run as a tracker takes it.

    Attributes:
        experiment: the recipe's name.
        tags: of :data:`TAGS`. parameters: of the recipe, ``section.field``.
        metrics: ``split.metric`` and, with ``.low`` and ``.high``, its interval.
        curve: (metric, value, epoch) of the history.
        files: what is uploaded as it is.
    """

    run_id: str
    experiment: str
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    curve: tuple[tuple[str, float, int], ...]
    files: tuple[Path, ...]


class Tracker(Protocol):
    """A place that runs are told to."""

    @property
    def name(self) -> str:
        """What the user knows it by."""

    def tell(self, told: Told) -> None:
        """Record a run."""


def chosen() -> Tracker | None:
    """Return the one place that runs are told to here, or None.

    ``MLFLOW_TRACKING_URI`` means MLflow; a job of Azure ML is told by ``Run`` where MLflow, or its plugin
    for ``azureml://``, is not installed.

    Raises:
        DentlineError: ``MLFLOW_TRACKING_URI`` is set, and nothing is installed that could tell it.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    in_azure = "AZUREML_RUN_ID" in os.environ and find_spec("azureml") is not None
    if uri and find_spec("mlflow") is not None and (not uri.startswith("azureml") or _has_plugin()):
        return Mlflow(uri)
    if in_azure:
        return AzureRun()
    if uri:
        raise DentlineError(
            "MLFLOW_TRACKING_URI",
            "is set but nothing that speaks it is installed",
            "pip install 'dentline[mlflow]', or unset it",
        )
    return None


def read(folder: Path) -> Told:
    """Read a finished run of any task as it is told."""
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    recipe = tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8"))
    measured: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    with (folder / "history.csv").open(newline="", encoding="utf-8") as handle:
        history = list(csv.DictReader(handle))
    tables = [(section, table) for section, table in recipe.items() if isinstance(table, dict)]
    parameters = {f"{section}.{field}": str(value) for section, table in tables for field, value in table.items()}
    metrics = {}
    for split, table in measured.items():
        for name, value in table.items():
            if isinstance(value, dict) and "value" in value:
                metrics[f"{split}.{name}"] = float(value["value"])
                metrics |= {f"{split}.{name}.{end}": float(value[end]) for end in ("low", "high")}
    curve = [(k, float(v), int(float(row["epoch"]))) for row in history for k, v in row.items() if k != "epoch"]
    environment = checkout.ROOT / checkout.ENVIRONMENT
    return Told(
        run_id=folder.name,
        experiment=str(recipe["name"]),
        tags={name: str(record.get(name, "")) for name in TAGS} | {"model": str(record["model"])},
        parameters=parameters,
        metrics=metrics,
        curve=tuple(curve),
        files=(*(folder / name for name in FILES), *([environment] if environment.is_file() else [])),
    )


@dataclass(frozen=True)
class Mlflow:
    """An MLflow server or store; inside a job's run ours is its child."""

    uri: str

    @property
    def name(self) -> str:
        return f"MLflow at {self.uri}"

    def tell(self, told: Told) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        client = MlflowClient(self.uri)
        experiment = os.environ.get("MLFLOW_EXPERIMENT_ID") or _experiment(client, told.experiment)
        parent = os.environ.get("MLFLOW_RUN_ID", "")
        tags = {**told.tags, **({"mlflow.parentRunId": parent} if parent else {})}
        run = client.create_run(experiment, tags=tags, run_name=told.run_id)
        now = run.info.start_time
        metrics = [Metric(name, value, now, 0) for name, value in told.metrics.items()]
        metrics += [Metric(name, value, now, epoch) for name, value, epoch in told.curve]
        client.log_batch(run.info.run_id, params=[Param(k, v[:6000]) for k, v in told.parameters.items()])
        for start in range(0, len(metrics), 1000):
            client.log_batch(run.info.run_id, metrics=metrics[start : start + 1000])
        for path in told.files:
            client.log_artifact(run.info.run_id, str(path))
        client.set_terminated(run.info.run_id)


@dataclass(frozen=True)
class AzureRun:
    """The run of an Azure ML job, by SDK v1; ours are its children."""

    name: str = "the Azure ML run"

    def tell(self, told: Told) -> None:
        from azureml.core import Run

        run = Run.get_context(allow_offline=False).child_run(told.run_id)
        run.set_tags({**told.tags, **told.parameters})
        for name, value in told.metrics.items():
            run.log(name, value)
        for name, value, epoch in told.curve:
            run.log(name, value, step=epoch)
        for path in told.files:
            run.upload_file(path.name, str(path))
        run.complete()


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _has_plugin() -> bool:
    return find_spec("azureml") is not None and find_spec("azureml.mlflow") is not None
