"""How a door is set up: environment variables with the prefix DENTLINE_, read here and nowhere else.

``dentline serve`` has an option for each; an option wins over the environment.
"""

import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from dentline.errors import DentlineError
from dentline.images import ALL_FORMATS, MAX_PIXELS, Limits
from dentline.options import option
from deployment.records import Durability

PREFIX = "DENTLINE_"


@dataclass(frozen=True)
class Settings:
    """Every setting of the service, with its default. DENTLINE_PORT sets `port`, and so on."""

    project: Path | None = option(None, "project folder: its champion is served, its scores.db written")
    model: Path | None = option(None, "bundle folder to serve instead of a project's champion")
    scores: Path | None = option(None, "scores.db, where it is not the project's")
    durability: Durability = option("normal", "full: flush each score to the disk before it is answered")
    retention_days: int = option(0, "delete scores older than this many days; 0 keeps them", 0)
    host: str = option("127.0.0.1", "address to listen on; other than loopback only with keys")
    port: int = option(8000, "port to listen on; 0 takes a free one", 0)
    workers: int = option(1, "processes; one a core", 1)
    keys_file: Path | None = option(None, "file with one key a line; read again when it changes")
    formats: tuple[str, ...] = option(("jpeg", "png"), "kinds of picture taken: jpeg, png, webp, bmp")
    max_body_bytes: int = option(32_000_000, "largest request body", 1)
    max_pixels: int = option(MAX_PIXELS, "largest photo, width times height", 1)
    max_images: int = option(16, "most images in one request", 1)
    slots: int = option(1, "photos scored at a time in each worker", 1)
    queue: int = option(16, "requests waiting in each worker before it answers 429", 0)
    wait_s: float = option(0.25, "longest wait for a slot before it answers 429", 0)
    head_s: float = option(2.0, "longest time for a request's head; with its body at most ten seconds", 0.1)
    body_s: float = option(8.0, "longest time for a request's body", 0.1)
    linger_s: float = option(3.0, "on SIGTERM: goes on accepting, not ready, for this long", 0)
    drain_s: float = option(8.0, "then finishes what it has, for at most this long", 0)
    keep_images: Path | None = option(
        None, "folder that keeps flagged and uncertain photos and a sample of the passed, to be judged at /tray"
    )
    judge_share: float = option(0.02, "share of what passed that is kept too, and shown to be judged", 0)
    image_url_hosts: tuple[str, ...] = option(
        (), "hosts GET /predict?image_url= may ask; * any public one; none turns it off"
    )
    metrics_dir: Path | None = option(None, "folder where several workers count together; made when needed")
    otel_endpoint: str = option("", "OpenTelemetry collector for a span a request, as http://collector:4318")
    log: Literal["json", "text", "none"] = option("text", "one line a request on stderr")

    @property
    def limits(self) -> Limits:
        """What pictures are decoded."""
        return Limits(
            max_pixels=self.max_pixels, max_bytes=self.max_body_bytes, formats=frozenset(self.formats) & ALL_FORMATS
        )


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the environment names, and the defaults of the others.

    Raises:
        DentlineError: a variable has a value it cannot have, or is not a setting at all.
    """
    hints = typing.get_type_hints(Settings)
    values = {}
    for one in fields(Settings):
        name = PREFIX + one.name.upper()
        if environment.get(name):
            values[one.name] = _value(name, environment[name], hints[one.name], one.metadata["low"])
    settings = Settings(**values)
    unknown = set(settings.formats) - ALL_FORMATS
    if unknown:
        raise DentlineError(f"{PREFIX}FORMATS", f"has {sorted(unknown)}", f"allowed are: {sorted(ALL_FORMATS)}")
    return settings


def write(settings: Settings) -> dict[str, str]:
    """Return the environment variables that :func:`read` makes these settings of, every one of them."""
    return {PREFIX + one.name.upper(): _text(getattr(settings, one.name)) for one in fields(Settings)}


def named(values: Mapping[str, Any]) -> dict[str, str]:
    """Return settings given by name, as on a command line, as the environment would have them."""
    return {PREFIX + name.upper(): str(value) for name, value in values.items()}


def azure_model_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder where Azure ML puts a deployment's model.

    Raises:
        DentlineError: AZUREML_MODEL_DIR is not set.
    """
    folder = environment.get("AZUREML_MODEL_DIR")
    if not folder:
        raise DentlineError("AZUREML_MODEL_DIR", "is not set", f"set it, or {PREFIX}MODEL, to the bundle's folder")
    return Path(folder)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _value(name: str, text: str, hint: Any, low: float | None) -> Any:
    options = typing.get_args(hint)
    if typing.get_origin(hint) is Literal:
        if text not in options:
            raise DentlineError(name, f"is {text!r}", "allowed are: " + ", ".join(options))
        return text
    if typing.get_origin(hint) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if Path in options:
        return Path(text)
    try:
        value = hint(text)
    except ValueError:
        raise DentlineError(name, f"is {text!r}", f"write {_KINDS[hint]}") from None
    if low is not None and not value >= low:
        raise DentlineError(name, f"is {text}", f"it must be at least {low:g}")
    return value


_KINDS = {int: "a whole number", float: "a number"}
