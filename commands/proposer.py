"""What the labeling page asks for ghosts: the champion where there is one, else the day-0 model."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dentline.workspace import Workspace
    from deployment.bundle import Bundle
    from labeling.proposals import Proposals, Propose


def day0(workspace: "Workspace", least: float, most: int) -> "Propose":
    """Return the day-0 model as a proposer, exported to the project the first time it is asked for."""
    from deployment import bundle

    folder = workspace.day0
    made = bundle.load(folder) if (folder / "contract.json").is_file() else _export(workspace)
    return of(made, least, most)


def of(made: "Bundle", least: float, most: int) -> "Propose":
    """Return a bundle's model as a proposer: at most `most` places a photo, each of at least `least`."""
    from deployment import scan
    from deployment.calibration import Calibration
    from deployment.engine import OnnxEngine
    from labeling.annotation import Center
    from labeling.proposals import Proposals

    engine, calibration = OnnxEngine(made.model), Calibration(*made.contract.calibration)

    def propose(photo: "NDArray[np.uint8]") -> "Proposals":
        height, width = photo.shape[:2]
        heat = calibration.p(scan.probabilities(engine, photo)).astype("float32")
        found = scan.peaks(heat, least, (width, height))
        centers = tuple(Center(float(x), float(y)) for x, y in found.xy[:most])
        return Proposals(made.model_id, centers, tuple(float(p) for p in found.p[:most]))

    return propose


def _export(workspace: "Workspace") -> "Bundle":
    import numpy as np

    from dentline.geometry import FIELD_PX
    from samples import surfaces, textures
    from training import day0 as room

    rngs = [np.random.default_rng([0, k]) for k in range(len(textures.TEXTURES))]
    golden = [
        surfaces.photograph(rng, name, FIELD_PX, 0.3)[0] for rng, name in zip(rngs, textures.TEXTURES, strict=True)
    ]
    return room.export(workspace.day0, np.stack(golden))
