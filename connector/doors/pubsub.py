"""The Pub/Sub door: it hands a message's event to the pipeline and decides on the message.

An accepted event acknowledges its message. A final error goes to the dead-letter topic, with the
reason, and also acknowledges it. After any other error Pub/Sub delivers the message again. So a
message that is acknowledged was applied, or needs no more, or is a dead letter.
"""

from collections.abc import Mapping
from logging import ERROR, WARNING

from connector import log
from connector.doors.pubsub_message import Message, read, unread
from connector.doors.request_ids import valid_id
from connector.doors.worker import Worker
from connector.outcome import Refusal, Result, answer
from connector.pipeline import Record


class PubSubDoor:
    """Delivers messages to the pipeline; one a process."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def deliver(self, headers: Mapping[str, str], body: bytes) -> tuple[bool, Result]:
        """Hand the event of a message to the pipeline; the HTTP door calls this.

        Return whether the message is acknowledged, and the event's result.
        """
        try:
            message = read(headers, body)
        except Refusal as refusal:
            message = unread(headers, body)
            self._bind(message)
            self._log_unreadable(refusal.result)
            return await self._dead_letter(message, refusal.result, Record())
        self._bind(message)
        record = Record()
        result = await self._worker.pipeline.handle(message.data, record)
        if result.accepted or not result.final:
            return result.accepted, result
        return await self._dead_letter(message, result, record)

    def _bind(self, message: Message) -> None:
        ids = {"unique_id": valid_id(message.message_id)}
        if "request_id" in message.attributes:
            ids["request_id"] = valid_id(message.attributes["request_id"])
        log.bind(**ids)

    def _log_unreadable(self, result: Result) -> None:
        line = {
            "connector": self._worker.startup.mapping.name,
            "outcome": result.outcome.value,
            "status": answer(result).status,
            "details": _details(result),
        }
        log.write(WARNING, "message unreadable", **line)

    async def _dead_letter(
        self, message: Message, result: Result, record: Record
    ) -> tuple[bool, Result]:
        topic = self._worker.startup.settings.PUBSUB_DEAD_LETTER_TOPIC
        if not topic or not self._worker.publisher:
            return False, result
        why = {
            "outcome": result.outcome.value,
            "reason": result.reason or "; ".join(_details(result)),
            "event_id": record.event.event_id if record.event else "",
            "connector": self._worker.startup.mapping.name,
        }
        try:  # `why` first: if there are too many attributes, the last are left out
            attributes = why | message.attributes | why
            await self._worker.publisher.publish(topic, message.data, attributes)
        except Refusal as refusal:
            failed = why | {"cause": refusal.result.cause}
            log.write(ERROR, "event not dead-lettered: it will come again", **failed)
            return False, refusal.result
        found_by = self._worker.pipeline.found_by(record.names)
        log.write(WARNING, "event dead-lettered", **why, **found_by)
        return True, result


def _details(result: Result) -> list[str]:
    return [str(detail) for detail in result.details]
