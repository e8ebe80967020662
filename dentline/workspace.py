"""Where the files of a project are: the only module that knows their names."""

from dataclasses import dataclass
from pathlib import Path

from dentline.errors import DentlineError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True)
class Workspace:
    """A project folder: the user's photos and everything Dentline made of them."""

    root: Path

    @classmethod
    def open(cls, root: Path | str) -> "Workspace":
        """Return the project at `root`.

        Raises:
            DentlineError: `root` is not a project folder.
        """
        workspace = cls(Path(root))
        if not workspace.recipe.is_file():
            raise DentlineError(
                str(root), "is not a Dentline project: it has no recipe.toml", "make one with: dentline init FOLDER"
            )
        return workspace

    @property
    def name(self) -> str:
        return self.root.resolve().name

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.toml"

    @property
    def photos(self) -> Path:
        return self.root / "photos"

    @property
    def labels(self) -> Path:
        return self.root / "labels.db"

    @property
    def groups(self) -> Path:
        return self.root / "groups.csv"

    @property
    def group_proposals(self) -> Path:
        return self.root / "group_proposals.csv"

    @property
    def group_sheet(self) -> Path:
        return self.root / "groups.html"

    @property
    def split(self) -> Path:
        return self.root / "split.csv"

    @property
    def hard(self) -> Path:
        return self.root / "hard.csv"

    @property
    def versions(self) -> Path:
        return self.root / "versions.json"

    @property
    def proposal(self) -> Path:
        return self.root / "models" / "proposal.json"

    @property
    def kept(self) -> Path:
        return self.root / "kept"

    @property
    def patches(self) -> Path:
        return self.root / "patches"

    @property
    def variants(self) -> Path:
        return self.root / "variants"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def previews(self) -> Path:
        return self.root / "previews"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def run(self, run_id: str) -> Path:
        return self.runs / run_id

    def bundle(self, run_id: str) -> Path:
        return self.run(run_id) / "bundle"

    @property
    def sweep(self) -> Path:
        return self.root / "sweep"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def azure(self) -> Path:
        return self.root / "azure"

    @property
    def champion(self) -> Path:
        return self.root / "models" / "champion.json"

    @property
    def day0(self) -> Path:
        return self.root / "models" / "day0"

    @property
    def proposals(self) -> Path:
        return self.root / "proposals.csv"

    @property
    def scores(self) -> Path:
        return self.root / "scores.db"

    @property
    def dashboard(self) -> Path:
        return self.root / "dashboard"

    @property
    def cache(self) -> Path:
        """What can be made again at any time: small pictures for the labeling page."""
        return self.root / ".cache"

    def photo_paths(self) -> dict[str, Path]:
        """Return every photo by its id: its path below ``photos/`` with forward slashes, sorted."""
        return photos_in(self.photos)


def photos_in(folder: Path) -> dict[str, Path]:
    """Return every photo in and below a folder by its path below it with forward slashes, sorted.

    Files whose names begin with a dot are left out: they are what other systems leave behind.
    """
    found = (p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file())
    return {p.relative_to(folder).as_posix(): p for p in sorted(found) if not p.name.startswith(".")}
