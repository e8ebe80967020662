"""Looks at photos with a model: for a person to accept what it proposes, and for the queue to go by."""

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.gallery import Gallery, Photo
from labeling.proposals import Proposals
from labeling.queue import Look, appearance

_NICE = 5
"""Behind the page's own requests, but not at the very end: a person's request waits for the photo in hand."""


@dataclass(frozen=True)
class Model:
    """What labeling may ask of a trained model.

    Attributes:
        model_id: changes with what it would answer.
        threshold: from which probability on a place counts as a dent.
        find: a photo's id and its pixels ``(H, W, 3)`` uint8 RGB -> its places, those below the
            threshold too.
        guess: it has learnt from no label of this project.
    """

    model_id: str
    threshold: float
    find: Callable[[str, NDArray[np.uint8]], Proposals]
    guess: bool = False


class Scout:
    """Looks at photos with a model, one at a time, and keeps what it saw in `folder`.

    A photo that a person asks for goes first; the others are looked at in the background.
    """

    def __init__(self, model: Model, gallery: Gallery, folder: Path) -> None:
        self.model = model
        self._gallery = gallery
        self._folder = folder
        self._looking = threading.Lock()
        self._seen: dict[str, tuple[str, Look]] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self, photo: Photo) -> Look:
        """Return what the model sees on a photo.

        Raises:
            ImageError: the photo cannot be decoded.
        """
        with self._looking:
            version, look = self._seen.get(photo.id, ("", None))
            if look is None or version != photo.version:
                look = self._kept(photo) or self._look(photo)
                self._seen[photo.id] = (photo.version, look)
            return look

    def looks(self) -> list[Look]:
        """Return what was seen so far."""
        return [look for _, look in list(self._seen.values())]

    def start(self) -> None:
        """Go over all photos in the background, behind what people do, until stopped."""
        self._thread = threading.Thread(target=self._go_over, name="scout", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop, once the photo in hand is looked at: a model must not be at work when the process ends."""
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def _go_over(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while unseen := [id for id in self._gallery.ids() if id not in self._seen]:
            for photo_id in unseen:
                if self._stopping.is_set():
                    return
                try:
                    self.look(self._gallery.photo(photo_id))
                except DentlineError as error:
                    self._seen[photo_id] = ("", _nothing(photo_id))
                    print(f"dentline: {error}", file=sys.stderr)

    def _path(self, photo: Photo) -> Path:
        name = hashlib.sha256(f"{self.model.model_id}\n{photo.id}\n{photo.version}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.json"

    def _kept(self, photo: Photo) -> Look | None:
        try:
            kept = json.loads(self._path(photo).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        xy, p, looks = (np.array(kept[name], np.float32) for name in ("xy", "p", "appearance"))
        return Look(photo.id, xy.reshape(-1, 2), p, looks)

    def _look(self, photo: Photo) -> Look:
        picture = images.read(photo.path)
        found = self.model.find(photo.id, picture)
        xy = np.array([(center.x, center.y) for center in found.centers], np.float32).reshape(-1, 2)
        look = Look(photo.id, xy, np.array(found.p, np.float32), appearance(picture))
        kept: dict[str, Any] = {name: getattr(look, name).tolist() for name in ("xy", "p", "appearance")}
        write_text(self._path(photo), json.dumps(kept))
        return look


def _nothing(photo_id: str) -> Look:
    return Look(photo_id, np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros(96, np.float32))
