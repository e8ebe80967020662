"""Light on a glossy painted surface: what stands around it, and what of that each slope mirrors."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.fields import Field, clouds, rise

ROOM_PX = 384
"""Side of the picture of the room; its middle is what a flat patch facing the camera mirrors."""


@dataclass(frozen=True)
class Light:
    """One setting of the lamps and the camera.

    Attributes:
        room: (ROOM_PX, ROOM_PX, 3) float32, radiance by direction, RGB; 1 is a white wall.
        direction: (3,) of the main lamp, unit length, z towards the camera.
        lamp: radiance of the main lamp on matt paint.
        ambient: radiance from all around.
        falloff: (2,) share by which the lamp grows across the photo, along x and y.
        exposure: mean grey the camera aims at, 0..1 before gamma.
    """

    room: NDArray[np.float32]
    direction: NDArray[np.float64]
    lamp: float
    ambient: float
    falloff: NDArray[np.float64]
    exposure: float


def draw(rng: np.random.Generator) -> Light:
    """Draw a workshop: a bright ceiling, a dark floor, some lamps in rows and clutter."""
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.8)
    flat = np.sqrt(1 - height**2)
    return Light(
        room=_room(rng),
        direction=np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), height]),
        lamp=float(rng.uniform(0.6, 1.3)),
        ambient=float(rng.uniform(0.25, 0.5)),
        falloff=rng.uniform(-0.35, 0.35, 2),
        exposure=float(rng.uniform(0.13, 0.3)),
    )


def shade(
    paint: NDArray[np.float32], gloss: Field, slope_x: Field, slope_y: Field, view: tuple[Field, Field], light: Light
) -> NDArray[np.float32]:
    """Return the radiance that the camera sees, (H, W, 3) float32, any scale.

    Args:
        paint: (H, W, 3) share of light the paint throws back, 0..1.
        gloss: (H, W) share of the mirror image that shows, 0..1.
        slope_x, slope_y: (H, W) of the surface, pixels a pixel.
        view: for each pixel how far the camera's own direction turns the mirror image, x and y.
        light: the lamps.
    """
    height, width = gloss.shape
    lx, ly, lz = light.direction
    facing = (lz - lx * slope_x - ly * slope_y) / np.sqrt(1 + slope_x**2 + slope_y**2)
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(light.falloff[0])
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(light.falloff[1])
    lamp = np.float32(light.lamp) * (1 + across[np.newaxis, :] + down[:, np.newaxis])
    matt = np.float32(light.ambient) + lamp * np.maximum(facing, 0)

    # A slope s turns the mirrored ray by 2 s; the room is stored by the ray's direction, -1..1.
    half = np.float32(ROOM_PX / 2)
    seen_x = half * (1 + view[0] - 2 * slope_x)
    seen_y = half * (1 + view[1] - 2 * slope_y)
    mirrored = cv2.remap(light.room, seen_x, seen_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    radiance = paint * matt[..., np.newaxis] + gloss[..., np.newaxis] * mirrored
    return np.asarray(radiance, dtype=np.float32)


def _room(rng: np.random.Generator) -> NDArray[np.float32]:
    y, x = np.mgrid[:ROOM_PX, :ROOM_PX].astype(np.float32) / (ROOM_PX / 2) - 1
    turn = rng.uniform(-0.5, 0.5) + (np.pi / 2 if rng.random() < 0.35 else 0)
    across = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
    along = y * np.float32(np.cos(turn)) - x * np.float32(np.sin(turn))
    floor, ceiling = rng.uniform(0.05, 0.35), rng.uniform(0.5, 1.1)
    wall = floor + (ceiling - floor) * rise((rng.uniform(-0.3, 0.3) - along) / rng.uniform(0.15, 0.6))
    wall += np.float32(rng.uniform(-0.3, 0.3)) * across
    wall *= 1 + np.float32(rng.uniform(0.02, 0.18)) * clouds(rng, ROOM_PX, ROOM_PX, rng.uniform(25, 90))
    tint = 1 + rng.uniform(-0.08, 0.08, 3)
    room = np.maximum(wall, 0.02)[..., np.newaxis] * tint
    for _ in range(rng.integers(1, 5)):
        middle, half_width, soft = rng.uniform(-0.9, 0.9), rng.uniform(0.02, 0.11), rng.uniform(0.008, 0.05)
        tube = rise((half_width - np.abs(along - middle)) / soft)
        if rng.random() < 0.6:  # a tube that ends, rather than a window band
            reach = np.abs(across - rng.uniform(-0.6, 0.6))
            tube = tube * rise((rng.uniform(0.3, 0.9) - reach) / 0.03)
        room += rng.uniform(0.6, 2.6) * tube[..., np.newaxis] * (1 + rng.uniform(-0.1, 0.1, 3))
    return np.asarray(room, dtype=np.float32)
