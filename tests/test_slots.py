import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from deployment.request import RequestError
from deployment.slots import Slots


def running(n: int, queue: int, wait_s: float, body: Callable[[Slots], Any]) -> None:
    """Run a coroutine function with slots of its own; end them with it."""

    async def whole() -> None:
        slots = Slots(n, queue, wait_s)
        try:
            await asyncio.wait_for(body(slots), 20)
        finally:
            slots.close()

    asyncio.run(whole())


def test_no_more_than_n_at_a_time_and_in_order() -> None:
    at_once, most, order = 0, 0, []
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
            order.append(number)
        threading.Event().wait(0.01)
        with lock:
            at_once -= 1
        return number

    async def body(slots: Slots) -> None:
        found = await asyncio.gather(*(slots.run(lambda n=n: work(n)) for n in range(12)))
        assert found == list(range(12))
        assert slots.n_waiting == 0

    running(2, 20, 10, body)
    assert most == 2
    assert sorted(order) == list(range(12))


def test_what_does_not_fit_is_refused_at_once_and_what_waits_too_long_later() -> None:
    go_on = threading.Event()

    async def body(slots: Slots) -> None:
        held = asyncio.ensure_future(slots.run(lambda: go_on.wait(20)))
        waiting = [asyncio.ensure_future(slots.run(lambda: True)) for _ in range(3)]
        await asyncio.sleep(0)
        assert slots.is_full
        with pytest.raises(RequestError, match="queue is full"):
            await slots.run(lambda: True)
        refused = await asyncio.gather(*waiting, return_exceptions=True)
        assert [getattr(one, "code", None) for one in refused] == ["busy"] * 3
        assert slots.n_waiting == 0
        go_on.set()
        assert await held is True
        assert await slots.run(lambda: 7) == 7

    running(1, 2, 0.05, body)


def test_what_was_given_up_is_not_done() -> None:
    go_on, done = threading.Event(), []

    async def body(slots: Slots) -> None:
        held = asyncio.ensure_future(slots.run(lambda: go_on.wait(20)))
        await asyncio.sleep(0)
        with pytest.raises(RequestError):
            await slots.run(lambda: done.append("given up"))
        go_on.set()
        await held
        await slots.run(lambda: done.append("after"))

    running(1, 2, 0.05, body)
    assert done == ["after"]


def test_what_fails_is_told_and_the_slot_is_free_again() -> None:
    async def body(slots: Slots) -> None:
        with pytest.raises(ZeroDivisionError):
            await slots.run(lambda: 1 / 0)
        with pytest.raises(SystemExit):
            await slots.run(lambda: (_ for _ in ()).throw(SystemExit(3)))
        assert await slots.run(lambda: "works") == "works"

    running(1, 0, 1, body)
