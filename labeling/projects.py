"""A new project folder."""

from importlib import resources
from pathlib import Path

from dentline import recipe
from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.progress import Progress, silent
from dentline.workspace import Workspace, photos_in
from labeling.copying import copy_photos


def make(root: Path, recipe_from: str = "", photos: Path | None = None, progress: Progress = silent) -> Workspace:
    """Make a project: its recipe, and its photos if a folder of them is given.

    Args:
        recipe_from: a recipe file, the name of one in ``recipes/``, or ``""`` for one with every default.

    Raises:
        DentlineError: the project is there already, or the recipe or the photos are not.
    """
    workspace = Workspace(root)
    if workspace.recipe.exists():
        raise DentlineError(str(workspace.recipe), "is there already", "take another folder")
    if photos is not None and not photos_in(photos):
        raise DentlineError(str(photos), "has no photos", "name a folder of JPEG or PNG files")
    text = _recipe(recipe_from) if recipe_from else recipe.dumps(recipe.Recipe(name=workspace.name))
    workspace.photos.mkdir(parents=True, exist_ok=True)
    copy_photos(photos_in(photos) if photos else {}, workspace.photos, progress)
    write_text(workspace.recipe, text)
    return workspace


def _recipe(name: str) -> str:
    known = {p.name.removesuffix(".toml"): p for p in resources.files("recipes").iterdir() if p.name.endswith(".toml")}
    if name in known:
        return known[name].read_text(encoding="utf-8")
    if not Path(name).is_file():
        raise DentlineError(f"recipe {name}", "is no file and no known name", "known are: " + ", ".join(sorted(known)))
    recipe.load(Path(name))
    return Path(name).read_text(encoding="utf-8")
