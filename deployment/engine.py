"""What runs a model, behind one protocol: today ONNX Runtime on the CPU."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dentline.errors import DentlineError

INPUTS = (("image", "tensor(uint8)", 4), ("measures", "tensor(float)", 2))
"""What a model may take: pictures (N, H, W, C), or measures (N, k) that its preparation took of them."""

OUTPUTS = (["p"], ["p", "cam"], ["corners"])
"""What it may give: probabilities, beside them Grad-CAM maps (N, h, w) from 0 on, or four corners (N, 8)
as shares of the picture's width and height."""

KEPT_VALUES = 3 * 160_000
"""A run with more input than this, more than a scan's tile, gives its memory back to the system when it is done."""


class Engine(Protocol):
    """A loaded model."""

    def run(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the model's answer for ``(N, H, W, 3)`` uint8 RGB.

        For a patch model: probabilities ``(N, h, w)`` with ``h = (H - 112) // 8 + 1``.
        """
        ...


class OnnxEngine:
    """ONNX Runtime on the CPU. May be called from several threads at once.

    An ONNX file is a graph of known operators: it cannot run code, and no operator library is
    registered here. The bytes are taken rather than a path, so that what was hashed is what runs.

    Args:
        model: the bytes of an ``.onnx`` file with one input of INPUTS and one output of OUTPUTS.
        n_threads: threads inside one call. More than one spins and costs twice the CPU for less
            than twice the speed; serve more workers instead.
        where: named in errors.
    """

    def __init__(self, model: bytes, n_threads: int = 1, where: str = "model.onnx") -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.inter_op_num_threads = 1
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        options.enable_mem_pattern = False  # one block as large as all its parts, where the arena fits them in turn
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no public base class
            raise DentlineError(
                where, f"ONNX Runtime cannot load it: {_first_line(error)}", "export it again"
            ) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        found = [(i.name, i.type, len(i.shape)) for i in inputs], [o.name for o in outputs]
        if len(found[0]) != 1 or found[0][0] not in INPUTS or found[1] not in OUTPUTS:
            raise DentlineError(where, f"has inputs and outputs {found}", f"it must take one of {INPUTS}, give p")
        self._input, self._output = found[0][0][0], found[1][0]
        self.has_cam = "cam" in found[1]

    @classmethod
    def open(cls, path: Path, n_threads: int = 1) -> "OnnxEngine":
        """Load a file.

        Raises:
            DentlineError: it cannot be read or is not such a model.
        """
        try:
            return cls(path.read_bytes(), n_threads, str(path))
        except OSError as error:
            raise DentlineError(str(path), f"cannot be read: {error.strerror}") from error

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._answer(self._output, images)

    def cam(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the Grad-CAM maps (N, h, w) of a model that has them."""
        return self._answer("cam", images)

    def _answer(self, output: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        options = None
        if images.size > KEPT_VALUES:
            options = onnxruntime.RunOptions()
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        given = {self._input: np.ascontiguousarray(images)}
        answer: NDArray[np.float32] = self._session.run([output], given, options)[0]
        return answer


@lru_cache
def _share_arena() -> None:
    """Have all models of this process take their memory from one arena, which grows by what is asked for.

    ONNX Runtime's own arenas grow by doubling, and without one a scan leaves the heap in holes and has half of its
    pages mapped anew for each tile.
    """
    ask_for_no_more = 1
    onnxruntime.create_and_register_allocator(
        onnxruntime.OrtMemoryInfo(
            "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
        ),
        onnxruntime.OrtArenaCfg(
            {
                "max_mem": 0,
                "arena_extend_strategy": ask_for_no_more,
                "initial_chunk_size_bytes": 1 << 20,
                "max_dead_bytes_per_chunk": 1 << 20,
            }
        ),
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
