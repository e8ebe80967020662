"""The machines that train one model together, as ``TF_CONFIG`` names them; without it, this one alone.

Azure ML sets ``TF_CONFIG`` for a job of several nodes. Keras' own ``fit`` fails under
``MultiWorkerMirroredStrategy`` (keras#20585); our loop in :mod:`training.fit` does not need it.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dentline.errors import DentlineError


@dataclass(frozen=True)
class Nodes:
    """The machines of one training.

    Attributes:
        strategy: TensorFlow's; models and optimisers are made in its scope.
        rank: of this machine, 0 to n - 1. Rank 0 writes; the others only compute.
        n: how many there are.
    """

    strategy: tf.distribute.Strategy
    rank: int
    n: int

    def mine(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return this machine's share of rows that all machines have."""
        return rows[self.rank :: self.n]

    def gathered(self, part: NDArray[np.float64], n_rows: int) -> NDArray[np.float64]:
        """Return (n_rows,) float64 of which each machine gives what :meth:`mine` is; the same bits on all."""
        if self.n == 1:
            return part
        whole = np.zeros(n_rows)
        whole[self.rank :: self.n] = part
        return self._summed(whole)

    def told(self, say: Callable[[], bytes]) -> bytes:
        """Return what rank 0 says; it is asked there alone, and the others wait."""
        if self.n == 1:
            return say()
        data = np.frombuffer(say() if self.rank == 0 else b"", np.uint8)
        size = int(self._summed(np.array([float(len(data))]))[0])
        whole = np.zeros(size, np.float32)
        whole[: len(data)] = data
        return self._summed(whole).astype(np.uint8).tobytes() if size else b""

    def wait(self) -> None:
        """Wait until every machine has come here."""
        if self.n > 1:
            self._summed(np.zeros(1))

    def _summed(self, value: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = _adder(self.strategy)(tf.constant(value)).numpy()
        return found


@lru_cache(maxsize=1)
def _adder(strategy: tf.distribute.Strategy) -> Callable[[Any], Any]:
    def summed(value: Any) -> Any:
        return strategy.reduce("SUM", strategy.run(tf.identity, (value,)), axis=None)

    adder: Callable[[Any], Any] = tf.function(summed)
    return adder


@lru_cache(maxsize=1)
def join() -> Nodes:
    """Meet the other machines; call it before anything else of TensorFlow is used.

    Raises:
        DentlineError: ``TF_CONFIG`` is no cluster of workers.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return Nodes(tf.distribute.get_strategy(), 0, 1)
    try:
        named = json.loads(text)
        cluster = named.get("cluster", {})
        n_chiefs, n_workers = len(cluster.get("chief", ())), len(cluster.get("worker", ()))
        if n_chiefs + n_workers <= 1:
            return Nodes(tf.distribute.get_strategy(), 0, 1)
        kind, index = named["task"]["type"], int(named["task"]["index"])
        rank = {"chief": 0, "worker": n_chiefs + index}[kind]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"is not a cluster of workers: {error!r}"
        raise DentlineError("TF_CONFIG", problem, "give cluster.worker and task, as Azure ML does") from error
    return Nodes(tf.distribute.MultiWorkerMirroredStrategy(), rank, n_chiefs + n_workers)


def step(
    nodes: Nodes, model: keras.Model, optimizer: keras.optimizers.Optimizer, loss_of: Callable[[Any, Any], Any]
) -> Callable[..., float]:
    """Return what takes one step on a batch that every machine has: ``(fields, label) -> loss``.

    Each machine learns from its own share of the rows, and the gradients are summed over all, so the step
    is that of one machine with the whole batch.

    Args:
        loss_of: (true (n, 1, 1), p (n, 1, 1)) -> (n, 1).

    Returns:
        A function of (n, 112, 112, 3) uint8 fields and (n,) float32 labels.
    """

    def share(fields: Any, label: Any, n_rows: Any) -> Any:
        with tf.GradientTape() as tape:
            p = model(fields, training=True)
            loss = tf.reduce_sum(loss_of(label[:, None, None], p)) / n_rows
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    def summed(fields: Any, label: Any, n_rows: Any) -> Any:
        return nodes.strategy.reduce("SUM", nodes.strategy.run(share, (fields, label, n_rows)), axis=None)

    everywhere = tf.function(summed, reduce_retracing=True)

    def one(fields: NDArray[np.uint8], label: NDArray[np.float32]) -> float:
        n_rows = tf.constant(float(len(label)))
        return float(everywhere(tf.constant(nodes.mine(fields)), tf.constant(nodes.mine(label)), n_rows))

    return one
