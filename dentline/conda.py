"""Checks of a conda file before a cloud builds it: there, readable, every package pinned."""

from pathlib import Path

import yaml

from dentline import checkout
from dentline.finding import Finding


def check(environment: Path) -> Finding:
    """Return whether an environment file is there and pins every package."""
    what = f"environment {environment.name}"
    if not environment.is_file():
        return Finding(what, f"{environment} is missing", "take it from the checkout's environment.yml")
    try:
        pins = checkout.pins(environment)
    except (yaml.YAMLError, KeyError, TypeError) as error:
        return Finding(what, f"cannot be read: {' '.join(str(error).split())}", "correct the file")
    loose = [name for name, version in pins.items() if not version]
    if loose:
        return Finding(what, f"{', '.join(loose)} not pinned", "write name==version: a cloud build takes the newest")
    return Finding(what, remedy=f"{len(pins)} packages, each pinned")
