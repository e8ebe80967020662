"""What a bundle's release to Azure ML consists of, as the tables its YAML files hold.

The names and limits are those of SDK v2:
https://learn.microsoft.com/azure/machine-learning/reference-yaml-overview
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dentline.errors import DentlineError

SCHEMAS = "https://azuremlschemas.azureedge.net/latest/"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"

Slot = Literal["blue", "green"]
SLOTS: tuple[Slot, ...] = ("blue", "green")

Table = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """One release of a bundle.

    Attributes:
        endpoint: name of the online endpoint; the batch endpoint has ``-batch`` behind it.
        slot: which of the two deployments it fills; the other keeps serving.
        traffic: percent of requests it gets at first.
        model: folder of the bundle, beside the YAML.
        code: folder of the code, beside the YAML.
        environment: conda file of scoring, beside the YAML.
        instance_type: SKU of the machines.
        n_instances: machines to begin with.
        most_instances: machines autoscale may go up to.
        compute: cluster of the batch deployment and of retraining.
    """

    endpoint: str
    slot: Slot = "blue"
    traffic: int = 100
    model: str = "bundle"
    code: str = "code"
    environment: str = "scoring-environment.yml"
    instance_type: str = "Standard_F2s_v2"
    n_instances: int = 1
    most_instances: int = 4
    compute: str = "cpu-cluster"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,24}[a-z0-9]", self.endpoint):
            problem = "is not a name an endpoint may have"
            raise DentlineError(f"endpoint {self.endpoint!r}", problem, "use 3 to 26 small letters, digits and -")
        if not 0 <= self.traffic <= 100:
            raise DentlineError("--traffic", f"is {self.traffic}", "it is a percentage, 0 to 100")
        if not 1 <= self.n_instances <= self.most_instances:
            problem = f"{self.n_instances} to begin with, {self.most_instances} at most"
            raise DentlineError("--instances", problem, "begin with at least one and no more than the most")


def endpoint(release: Release) -> Table:
    """Return the managed online endpoint."""
    return {
        "$schema": SCHEMAS + "managedOnlineEndpoint.schema.json",
        "name": release.endpoint,
        "auth_mode": "key",
        "tags": {"made_by": "dentline"},
    }


def deployment(release: Release) -> Table:
    """Return the online deployment: probes that suit our start, bounded requests, the data collector.

    It collects the answers, by Azure's own payload logging. The requests are photos, which it does not take:
    https://learn.microsoft.com/azure/machine-learning/how-to-collect-production-data
    """
    probe = {"period": 10, "timeout": 2, "success_threshold": 1}
    return {
        "$schema": SCHEMAS + "managedOnlineDeployment.schema.json",
        "name": release.slot,
        "endpoint_name": release.endpoint,
        "model": {"path": release.model},
        "code_configuration": {"code": release.code, "scoring_script": "score.py"},
        "environment": {"image": IMAGE, "conda_file": release.environment},
        "instance_type": release.instance_type,
        "instance_count": release.n_instances,
        "request_settings": {
            "request_timeout_ms": 15_000,
            "max_concurrent_requests_per_instance": 4,
        },
        "liveness_probe": {**probe, "initial_delay": 10, "failure_threshold": 30},
        "readiness_probe": {**probe, "initial_delay": 5, "failure_threshold": 30},
        "data_collector": {
            "collections": {"response": {"enabled": "True"}},
            "sampling_rate": 1.0,
        },
    }


def autoscale(release: Release, subscription: str = "SUBSCRIPTION", group: str = "GROUP") -> Table:
    """Return the Azure Monitor autoscale setting of the deployment, an ARM resource.

    Scales out above 70 % of the processor over five minutes and in below 30 %.
    """
    scope = (
        f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices"
        f"/workspaces/WORKSPACE/onlineEndpoints/{release.endpoint}/deployments/{release.slot}"
    )

    def rule(operator: str, percent: int, direction: str) -> Table:
        return {
            "metricTrigger": {
                "metricName": "CpuUtilizationPercentage",
                "metricResourceUri": scope,
                "timeGrain": "PT1M",
                "statistic": "Average",
                "timeWindow": "PT5M",
                "timeAggregation": "Average",
                "operator": operator,
                "threshold": percent,
            },
            "scaleAction": {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": "PT5M"},
        }

    counts = {"minimum": release.n_instances, "maximum": release.most_instances, "default": release.n_instances}
    return {
        "type": "Microsoft.Insights/autoscaleSettings",
        "apiVersion": "2022-10-01",
        "name": f"{release.endpoint}-{release.slot}",
        "properties": {
            "enabled": True,
            "targetResourceUri": scope,
            "profiles": [
                {
                    "name": "load",
                    "capacity": {name: str(count) for name, count in counts.items()},
                    "rules": [rule("GreaterThan", 70, "Increase"), rule("LessThan", 30, "Decrease")],
                }
            ],
        },
    }


def batch_endpoint(release: Release) -> Table:
    """Return the batch endpoint."""
    return {
        "$schema": SCHEMAS + "batchEndpoint.schema.json",
        "name": f"{release.endpoint}-batch",
        "auth_mode": "aad_token",
        "tags": {"made_by": "dentline"},
    }


def batch_deployment(release: Release) -> Table:
    """Return the batch deployment: the same scorer over mini-batches of photos, rows appended to one CSV."""
    return {
        "$schema": SCHEMAS + "batchDeployment.schema.json",
        "name": release.slot,
        "endpoint_name": f"{release.endpoint}-batch",
        "model": {"path": release.model},
        "code_configuration": {"code": release.code, "scoring_script": "batch_score.py"},
        "environment": {"image": IMAGE, "conda_file": release.environment},
        "compute": f"azureml:{release.compute}",
        "resources": {"instance_count": release.n_instances},
        "mini_batch_size": 20,
        "max_concurrency_per_instance": 2,
        "output_action": "append_row",
        "output_file_name": "scores.csv",
        "error_threshold": -1,
        "retry_settings": {"max_retries": 3, "timeout": 300},
        "logging_level": "info",
    }


FILES: dict[str, Callable[[Release], Table]] = {
    "endpoint.yml": endpoint,
    "deployment.yml": deployment,
    "autoscale.json": autoscale,
    "batch-endpoint.yml": batch_endpoint,
    "batch-deployment.yml": batch_deployment,
}
"""Every file of a release, and the table it holds."""
