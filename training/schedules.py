"""What drives a training, named once for all recipes: schedules of the learning rate, the optimiser, the loss."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from dentline.recipe import Train


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
    """The same rate throughout; for plateau too, whose steps down are taken as the validation loss says."""
    return rate


def cyclic(rate: float, low: float, n_steps: int) -> Any:
    """Between `rate` and `low`, ten half cycles in all."""
    return Cyclic(rate, min(low, rate), max(1, n_steps // 10))


def cosine(rate: float, low: float, n_steps: int) -> Any:
    """From `rate` down to `low` along half a cosine (Loshchilov and Hutter 2017)."""
    return keras.optimizers.schedules.CosineDecay(rate, max(1, n_steps), alpha=min(low, rate) / rate)


SCHEDULES: dict[str, Callable[[float, float, int], Any]] = {
    "constant": constant,
    "cyclic": cyclic,
    "cosine": cosine,
    "plateau": constant,
}
"""By the name a recipe gives; each takes the peak rate, the lowest rate and how many steps there will be."""

PLATEAU_FACTOR = 0.5


def plateau_epochs(plan: Train) -> int:
    """Return after how many epochs without a better validation loss the rate is halved."""
    return max(1, plan.patience // 3)


def optimizer(plan: Train, n_steps: int) -> keras.optimizers.Optimizer:
    """Return Adam on the recipe's schedule over `n_steps`, with its weight decay on kernels alone."""
    rate = SCHEDULES[plan.schedule](plan.learning_rate, plan.lowest_rate, n_steps)
    made = keras.optimizers.Adam(rate, weight_decay=plan.weight_decay or None)
    made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


def verdict_loss(plan: Train) -> Callable[[Any, Any], Any]:
    """Return what is minimised for verdicts: (true (..., 1), p (..., 1)) -> (...)."""
    if plan.loss == "focal":
        return lambda true, p: keras.losses.binary_focal_crossentropy(true, p, gamma=plan.focal_gamma)
    plain: Callable[[Any, Any], Any] = keras.losses.binary_crossentropy
    return plain
