"""One shot of a flat surface: lamps, a mirrored room and shadows, then lens, exposure, noise and JPEG.

All is drawn first and used after, so that a surface can be shot twice alike, with its defects and without.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.defects import Surface
from samples.fields import Field, clouds, rise, slopes

_SHADOW_SHARE = 0.2


@dataclass(frozen=True)
class Lamps:
    """What shines on a surface.

    Attributes:
        direction: x, y, z of the main lamp, unit length, z towards the camera.
        lamp: (side, side) radiance of the main lamp. ambient: radiance from all around.
        shine: how much of the mirrored room shows; 0: none.
        room: the room that is mirrored.
        told: light_x, light_y, light_height, gradient_x, gradient_y as numbers of about -1..1.
    """

    direction: tuple[float, float, float]
    lamp: Field
    ambient: float
    shine: float
    room: "_Room"
    told: tuple[float, ...]

    def on(self, surface: Surface) -> Field:
        """Return the radiance (side, side) that the camera sees."""
        slope_x, slope_y = slopes(surface.bumps)
        lx, ly, lz = (np.float32(d) for d in self.direction)
        facing = (lz - lx * slope_x - ly * slope_y) / np.sqrt(1 + slope_x**2 + slope_y**2)
        radiance = surface.paint * (np.float32(self.ambient) + self.lamp * np.maximum(facing, 0))
        if self.shine:
            radiance += np.float32(self.shine) * surface.gloss * self.room.mirrored(slope_x, slope_y)
        return np.asarray(radiance, np.float32)


@dataclass(frozen=True)
class _Room:
    """A room with a bright end and some tubes: (middle, half width, softness, strength) each."""

    turn: float
    bend: tuple[float, float]
    end: tuple[float, float, float]
    tubes: tuple[tuple[float, float, float, float], ...]

    def mirrored(self, slope_x: Field, slope_y: Field) -> Field:
        ramp = _ramp(len(slope_x))
        seen_x = np.float32(self.bend[0]) * ramp[np.newaxis, :] + 2 * slope_x
        seen_y = np.float32(self.bend[1]) * ramp[:, np.newaxis] + 2 * slope_y
        across = np.float32(np.cos(self.turn)) * seen_x + np.float32(np.sin(self.turn)) * seen_y
        bright, middle, soft = self.end
        room = np.float32(bright) * rise((across - np.float32(middle)) / soft)
        for middle, half, soft, strength in self.tubes:
            room += np.float32(strength) * rise((half - np.abs(across - middle)) / soft)
        return room


@dataclass(frozen=True)
class Camera:
    """What a camera makes of radiance.

    Attributes:
        blur: pixels. exposure: mean before gamma. gamma. tint: (3,) RGB. colored: noise in each colour.
        noise: grey levels. quality: of the JPEG; 0: none. dirt: an uneven sensor.
    """

    blur: float
    exposure: float
    gamma: float
    tint: NDArray[np.float32]
    colored: bool
    noise: float
    quality: int
    dirt: bool

    @property
    def told(self) -> tuple[float, float, float]:
        """Blur, noise and JPEG as numbers of about -1..1."""
        quality = (70 - self.quality) / 25 if self.quality else -1.0
        return (self.blur - 0.8) / 0.6, float(np.log(self.noise / 2.1) / 1.45), quality

    def developed(self, radiance: Field, like: Field | None = None) -> Field:
        """Return grey levels before noise, exposed for `like` where given."""
        image = np.maximum(np.asarray(cv2.GaussianBlur(radiance, (0, 0), self.blur), np.float32), 0)
        mean = (radiance if like is None else np.maximum(like, 0)).mean()
        image *= np.float32(self.exposure / (mean + 1e-6))
        return np.asarray(255 * (image / (1 + np.maximum(image - 0.6, 0))) ** np.float32(1 / self.gamma), np.float32)

    def taken(self, grey: Field, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Colour, add noise and compress: (side, side, 3) uint8 RGB."""
        picture = grey[..., np.newaxis] * (self.tint / self.tint.mean())
        shape = picture.shape if self.colored else (*grey.shape, 1)
        picture = picture + np.float32(self.noise) * rng.standard_normal(shape, dtype=np.float32)
        if self.dirt:
            picture += np.float32(3) * clouds(rng, len(grey), len(grey), 20)[..., np.newaxis]
        pixels = np.rint(np.clip(picture, 0, 255)).astype(np.uint8)
        if self.quality:
            _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
            pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return np.asarray(pixels, np.uint8)


def lamps(rng: np.random.Generator, side: int) -> Lamps:
    """Draw what shines on a surface of `side` pixels."""
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.95)
    flat = np.sqrt(1 - height**2)
    lx, ly = float(flat * np.cos(azimuth)), float(flat * np.sin(azimuth))
    gradient = rng.uniform(-0.5, 0.5, 2).astype(np.float32)
    ramp = _ramp(side)
    lamp = 1 + gradient[0] * ramp[np.newaxis, :] + gradient[1] * ramp[:, np.newaxis]
    if rng.random() < _SHADOW_SHARE:
        lamp *= 1 - np.float32(rng.uniform(0.2, 0.8)) * rise(beyond(rng, side) / rng.uniform(0.7, 8))
    room = _Room(
        turn=rng.uniform(0, 2 * np.pi),
        bend=(rng.normal(0, 0.25), rng.normal(0, 0.25)),
        end=(rng.uniform(0.3, 1), rng.uniform(-0.4, 0.4), rng.uniform(0.1, 0.6)),
        tubes=tuple(
            (rng.uniform(-0.8, 0.8), rng.uniform(0.03, 0.2), rng.uniform(0.01, 0.08), rng.uniform(0.4, 2))
            for _ in range(rng.integers(0, 3))
        ),
    )
    shine = between(rng, 0.03, 0.6) if rng.random() < 0.7 else 0.0
    told = (lx, ly, 2 * height - 1, *(2 * gradient).tolist())
    return Lamps((lx, ly, height), np.asarray(lamp, np.float32), rng.uniform(0.05, 0.6), shine, room, told)


def camera(rng: np.random.Generator) -> Camera:
    """Draw a camera."""
    colored = bool(rng.random() < 0.5)
    tint = np.exp(rng.normal(0, 0.15, 3)).astype(np.float32) if colored else np.ones(3, np.float32)
    return Camera(
        blur=rng.uniform(0.2, 1.4),
        exposure=between(rng, 0.08, 0.6),
        gamma=rng.uniform(1.4, 2.4),
        tint=tint,
        colored=colored,
        noise=between(rng, 0.5, 7),
        quality=int(rng.integers(45, 96)) if rng.random() < 0.5 else 0,
        dirt=bool(rng.random() < 0.15),
    )


def beyond(rng: np.random.Generator, side: int) -> Field:
    """Return how far each pixel lies beyond a line that is nearly straight, pixels, (side, side)."""
    turn, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.3) / side
    x = np.arange(side, dtype=np.float32) - np.float32(rng.uniform(0, side))
    y = np.arange(side, dtype=np.float32) - np.float32(rng.uniform(0, side))
    across = np.float32(np.cos(turn)) * x[np.newaxis, :] + np.float32(np.sin(turn)) * y[:, np.newaxis]
    along = np.float32(np.cos(turn)) * y[:, np.newaxis] - np.float32(np.sin(turn)) * x[np.newaxis, :]
    return np.asarray(across + np.float32(bend) * along**2, np.float32)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw log-uniformly."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _ramp(side: int) -> Field:
    return np.linspace(-1, 1, side, dtype=np.float32)
