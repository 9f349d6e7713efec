"""Whether a connector has stopped calling its external system, as far as its log says."""

from datetime import UTC, datetime

from connector_tools.records.record import CIRCUIT, FAILING, SETTLED, LogRecord

_OPEN = "open"


class Outages:
    """The circuits of a log's services; `add` takes one record more, in any order.

    An instance logs when its circuit opens and closes. One that ended meanwhile logs nothing, so a
    call that succeeded later, from any instance of the service, counts as well.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], LogRecord] = {}
        self._answered: dict[str, datetime] = {}

    def add(self, record: LogRecord) -> None:
        """Take a record; one that says nothing about the external system changes nothing."""
        message = record.message
        if message in CIRCUIT or message in FAILING:
            key = record.service, "circuit" if message in CIRCUIT else "failing"
            before = self._last.get(key)
            if before is None or record.time >= before.time:
                self._last[key] = record
        elif message == SETTLED and record.text("outcome") == "applied":
            before_time = self._answered.get(record.service)
            if before_time is None or record.time > before_time:
                self._answered[record.service] = record.time

    def now(self) -> list[str]:
        """A line for each circuit that is open, and for each system that fails every call."""
        return [
            _line(service, record)
            for (service, kind), record in sorted(self._last.items())
            if record.text(kind) == _OPEN
            and record.time >= self._answered.get(service, datetime.min.replace(tzinfo=UTC))
        ]


def _line(service: str, record: LogRecord) -> str:
    what = "open" if record.message in CIRCUIT else record.message
    where = f" of {service}" if service else ""
    return f"{what}{where} since {record.time.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%SZ')}"
