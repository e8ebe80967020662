"""TensorFlow's start without its notes: they come before its logging can be told, and are no news to a user."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

NOTES = ("All log messages before absl::InitializeLog()", "oneDNN custom operations are on")


@contextmanager
def without_notes() -> Iterator[None]:
    """Hold back what is written to stderr, by C++ too; let all through at the end but for :data:`NOTES`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile("w+") as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            sys.stderr.writelines(line for line in held if not any(note in line for note in NOTES))
