"""Who may ask: the keys of a file, read again when it changes."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from pathlib import Path

from dentline.errors import DentlineError

MIN_CHARS = 16
_LOOK_AGAIN_S = 1.0


class Keys:
    """Any number of keys are valid at once, one a line, so that one can be added before another goes.

    Only digests are kept, and every one is compared in constant time. A file that can no longer be
    read, or holds no key, leaves the keys before valid: a slip never opens the door, nor shuts it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digests = self._read()
        self._stamp, self._looked_at = self._changed(), time.monotonic()
        self.problem = ""

    def allow(self, headers: Mapping[str, str]) -> bool:
        """Say whether the headers of a request carry a valid key."""
        self._look_again()
        bearer = headers.get("authorization", "")
        given = [headers.get("x-api-key", ""), bearer[7:] if bearer[:7].lower() == "bearer " else ""]
        found = False
        for key in given:
            digest = _digest(key.strip())
            for valid in self._digests:
                found |= bool(key) and hmac.compare_digest(digest, valid)
        return found

    def _look_again(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK_AGAIN_S:
            return
        self._looked_at = now
        try:
            stamp = self._changed()
            if stamp != self._stamp:
                self._digests, self._stamp = self._read(), stamp
            self.problem = ""
        except DentlineError as error:
            self.problem = str(error)

    def _changed(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError as error:
            raise DentlineError(str(self.path), f"cannot be read: {error.strerror}") from error
        return found.st_mtime_ns, found.st_size

    def _read(self) -> tuple[bytes, ...]:
        try:
            lines = [line.strip() for line in self.path.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise DentlineError(str(self.path), "cannot be read", "write one key a line") from error
        keys = [line for line in lines if line and not line.startswith("#")]
        if not keys:
            raise DentlineError(str(self.path), "holds no key", "write one key a line")
        for number, key in enumerate(keys, 1):
            if len(key) < MIN_CHARS:
                raise DentlineError(
                    str(self.path), f"key {number} has {len(key)} characters", f"a key has at least {MIN_CHARS}"
                )
        return tuple(_digest(key) for key in keys)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
