"""Simulated time: virtual time, which jumps to the next event, or real time that passes faster."""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

_EPOCH = 1_770_000_000.0  # where every simulation begins: February 2026


class Clock:
    """The time of PortaBilling, NSPS and operators.

    It passes `scale` times faster than the event loop's time. It was `began` (seconds since 1970)
    when the event loop's time was 0.
    """

    def __init__(self, scale: float = 1, began: float = _EPOCH) -> None:
        self._scale = scale
        self._began = began
        self._skipped = 0.0

    def now(self) -> float:
        """The simulated time, in seconds since 1970."""
        return self._began + self._skipped + asyncio.get_running_loop().time() * self._scale

    def told(self) -> float:
        """The time that events say: the simulated one."""
        return self.now()

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds` of simulated time."""
        await asyncio.sleep(seconds / self._scale)

    def skip(self, seconds: float) -> None:
        """Jump ahead by `seconds` of simulated time, in which nothing happens."""
        self._skipped += seconds


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer whenever there is nothing to do.

    Work for a thread is done at once in the loop's own thread, so the same seed gives the same run.
    """

    def __init__(self) -> None:
        self.virtual = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """The virtual time in seconds; see `asyncio.AbstractEventLoop`."""
        return self.virtual

    def call_at(  # type: ignore[override]  # asyncio's own signature is wider
        self, when: float, *args: Any, **options: Any
    ) -> asyncio.TimerHandle:
        """Set a timer at least a microsecond ahead; see `asyncio.AbstractEventLoop`.

        A timer that is set again and again for now, because of a rounding error, stops the time.
        """
        return super().call_at(max(when, self.virtual + 1e-6), *args, **options)

    def run_in_executor(  # type: ignore[override]  # asyncio's own signature is wider
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run the function now; see `asyncio.AbstractEventLoop`."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # the code that awaits the future gets it
            future.set_exception(error)
        return future


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout and timeout > 0:
            self._loop.virtual += timeout
        return found
