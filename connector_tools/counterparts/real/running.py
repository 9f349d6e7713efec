"""What all real programs can do: be suspended, stopped, killed and started again."""

from abc import ABC, abstractmethod
from typing import Self

from connector_tools.program import Program


class Running(ABC):
    """A program whose data stay when it ends; use it as a context manager."""

    _program: Program | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended; a suspended one runs."""
        return self._program is not None and not self._program.ended

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it answers; do nothing if it runs.

        Raises:
            NotInstalled: it is not on this machine.
            DidNotStart: it does not start; the text has the end of its log.
        """

    def stop(self) -> None:
        """End it in its own way (SIGTERM): it tells its clients."""
        self.resume()
        if self._program:
            self._program.stop()

    def kill(self) -> None:
        """Kill it and its children (SIGKILL)."""
        if self._program:
            self._program.kill()

    def suspend(self) -> None:
        """See `Program`."""
        if self._program:
            self._program.suspend()

    def resume(self) -> None:
        """See `Program`."""
        if self._program:
            self._program.resume()

    def __enter__(self) -> Self:
        """Start it; raises as `start`."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Kill it, also if it is suspended."""
        self.kill()
