"""A model of whole photos behind the preparation its contract names: photos in, answers out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dentline import prepare
from deployment.engine import OnnxEngine


class PreparedEngine:
    """An engine that takes photos as decoded and prepares each before the model sees it.

    Args:
        engine: what runs the model.
        steps: of the contract, as :func:`dentline.prepare.parse` reads them.

    Attributes:
        least: the size a photo may be decoded down to; see :func:`dentline.prepare.least_size`.
    """

    def __init__(self, engine: OnnxEngine, steps: Sequence[str], where: str) -> None:
        self._engine, self._calls = engine, prepare.parse(steps, f"{where}: prepare")
        self.least = prepare.least_size(self._calls)

    def view(self, photo: NDArray[np.uint8]) -> prepare.View:
        """Return what the model sees of a photo, and how its pixels lie in it.

        Raises:
            PrepareError: the photo does not show what a step looks for.
        """
        return prepare.prepare(photo, self._calls)

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the model's answers for photos ``(N, H, W, 3)`` uint8 RGB."""
        return self.run_views([self.view(photo) for photo in images])

    @property
    def has_cam(self) -> bool:
        """Whether the model gives Grad-CAM maps."""
        return self._engine.has_cam

    def cam(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the Grad-CAM maps of pictures already prepared."""
        return self._engine.cam(images)

    def run_views(self, views: Sequence[prepare.View]) -> NDArray[np.float32]:
        """Return the model's answers for photos already prepared."""
        return self._engine.run(np.stack([view.array for view in views]))
