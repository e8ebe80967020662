"""Write the Power BI project: a .pbip with its model and its report, all text.

It follows Microsoft's published formats. It has not been opened in Power BI Desktop by this project's tests;
`dashboards.powerbi.check` and the JSON schemas are what it was held against.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from dashboards.powerbi import check, model, report
from dashboards.powerbi.measures import measures
from dentline.errors import DentlineError
from dentline.recipe import Dashboard

_ITEM = "https://developer.microsoft.com/json-schemas/fabric/item/{}/definitionProperties/{}/schema.json"
_PLATFORM = "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json"
_PBIP = "https://developer.microsoft.com/json-schemas/fabric/pbip/pbipProperties/1.0.0/schema.json"


def write(folder: Path, name: str, data_folder: str, costs: Dashboard) -> Path:
    """Write the project called `name` into `folder`, which is replaced, and return the .pbip to open.

    Args:
        data_folder: the dashboard folder as the machine with Power BI sees it.
        costs: the recipe's costs, which become measures.

    Raises:
        DentlineError: the checks found something wrong with what was written; `folder` is as it was.
    """
    texts = files(name, data_folder, costs)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for file, text in texts.items():
            path = temporary / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        problems = check.problems(temporary)
        if problems:
            raise DentlineError(str(folder), problems[0], "report it: this is a fault of Dentline")
        temporary.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder / f"{name}.pbip"


def files(name: str, data_folder: str, costs: Dashboard) -> dict[str, str]:
    """Return the text of every file of the project by its path."""
    known = measures(costs)
    texts = {f"{name}.SemanticModel/definition/{file}": text for file, text in model.files(data_folder, known).items()}
    contents: dict[str, Any] = {
        f"{name}.Report/definition/{file}": content
        for file, content in report.files({f"{m.table}[{m.name}]" for m in known}).items()
    }
    contents |= {
        f"{name}.pbip": {
            "$schema": _PBIP,
            "version": "1.0",
            "artifacts": [{"report": {"path": f"{name}.Report"}}],
            "settings": {"enableAutoRecovery": True},
        },
        f"{name}.SemanticModel/definition.pbism": {
            "$schema": _ITEM.format("semanticModel", "1.0.0"),
            "version": "4.2",
            "settings": {},
        },
        f"{name}.Report/definition.pbir": {
            "$schema": _ITEM.format("report", "2.0.0"),
            "version": "4.0",
            "datasetReference": {"byPath": {"path": f"../{name}.SemanticModel"}},
        },
    }
    for kind in ("SemanticModel", "Report"):
        contents[f"{name}.{kind}/.platform"] = {
            "$schema": _PLATFORM,
            "metadata": {"type": kind, "displayName": name},
            "config": {"version": "2.0", "logicalId": model.tag(f"{kind} {name}")},
        }
    return texts | {file: json.dumps(c, indent=2, ensure_ascii=False) + "\n" for file, c in contents.items()}
