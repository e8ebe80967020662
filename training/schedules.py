"""How the learning rate moves while a network trains: constant, cyclic, cosine; one table for all recipes."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("dentline")
class Cyclic(keras.optimizers.schedules.LearningRateSchedule):
    """Triangle between two rates (Smith 2017): from `high` down to `low` and back every two half cycles."""

    def __init__(self, high: float, low: float, half_cycle_steps: int) -> None:
        self.high, self.low, self.half_cycle_steps = high, low, half_cycle_steps

    def __call__(self, step: Any) -> Any:
        at = ops.cast(step, "float32") / self.half_cycle_steps
        down = ops.abs(ops.mod(at, 2.0) - 1.0)
        return self.low + (self.high - self.low) * down

    def get_config(self) -> dict[str, Any]:
        return {"high": self.high, "low": self.low, "half_cycle_steps": self.half_cycle_steps}


def constant(rate: float, low: float, n_steps: int) -> Any:
    """The same rate throughout."""
    return rate


def cyclic(rate: float, low: float, n_steps: int) -> Any:
    """Between `rate` and `low`, ten half cycles in all."""
    return Cyclic(rate, low, max(1, n_steps // 10))


def cosine(rate: float, low: float, n_steps: int) -> Any:
    """From `rate` down to `low` along half a cosine (Loshchilov and Hutter 2017)."""
    return keras.optimizers.schedules.CosineDecay(rate, max(1, n_steps), alpha=low / rate)


SCHEDULES: dict[str, Callable[[float, float, int], Any]] = {"constant": constant, "cyclic": cyclic, "cosine": cosine}
"""By the name a recipe gives; each takes the peak rate, the lowest rate and how many steps there will be."""
