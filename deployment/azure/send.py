"""A packed release sent to Azure ML by SDK v2: endpoint, deployment, then traffic."""

from pathlib import Path
from typing import Any

from dentline.errors import DentlineError


def connect() -> Any:
    """Return the ``azure.ai.ml.MLClient`` of the workspace that ``config.json`` names.

    Raises:
        DentlineError: the SDK is not installed, there is no such file, or signing in fails.
    """
    try:
        from azure.ai.ml import MLClient
        from azure.ai.ml.exceptions import MlException
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
    except ModuleNotFoundError as error:
        raise DentlineError("Azure ML", f"needs the package {error.name}", "pip install 'dentline[azure]'") from error
    try:
        return MLClient.from_config(DefaultAzureCredential())
    except (MlException, AzureError, OSError) as error:
        line = str(error).strip().splitlines()[0]
        raise DentlineError("Azure ML", line, "put the workspace's config.json here and sign in: az login") from error


def online(client: Any, folder: Path, traffic: int) -> str:
    """Create or update the online endpoint and its deployment, then give it its share of the traffic.

    The other slot keeps serving until the new one is up; it gets the rest of the traffic if it exists.

    Returns:
        The address requests go to.
    """
    from azure.ai.ml import load_online_deployment, load_online_endpoint

    endpoint = client.online_endpoints.begin_create_or_update(load_online_endpoint(folder / "endpoint.yml")).result()
    deployment = load_online_deployment(folder / "deployment.yml")
    client.online_deployments.begin_create_or_update(deployment).result()
    others = [other for other in (endpoint.traffic or {}) if other != deployment.name]
    endpoint.traffic = {deployment.name: traffic, **dict.fromkeys(others[:1], 100 - traffic)}
    return str(client.online_endpoints.begin_create_or_update(endpoint).result().scoring_uri)


def batch(client: Any, folder: Path) -> str:
    """Create or update the batch endpoint and its deployment and return the endpoint's name."""
    from azure.ai.ml import load_batch_deployment, load_batch_endpoint

    endpoint = client.batch_endpoints.begin_create_or_update(
        load_batch_endpoint(folder / "batch-endpoint.yml")
    ).result()
    client.batch_deployments.begin_create_or_update(load_batch_deployment(folder / "batch-deployment.yml")).result()
    return str(endpoint.name)


def described(folder: Path) -> list[str]:
    """Return, file by file, exactly what would be sent: each table, and each uploaded file with its size."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent == folder:
            lines += [f"== {path.name}", path.read_text(encoding="utf-8").rstrip()]
    lines.append("== uploaded")
    uploads = (path for name in ("bundle", "code") for path in sorted((folder / name).rglob("*")) if path.is_file())
    return [*lines, *(f"{path.stat().st_size:>12}  {path.relative_to(folder)}" for path in uploads)]
