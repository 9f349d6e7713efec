"""The Pub/Sub door: it hands a message's event to the pipeline and decides on the message.

An accepted event acknowledges its message. A final error goes to the dead-letter topic, with the
reason, and also acknowledges it. After any other error Pub/Sub delivers the message again.
"""

from logging import ERROR, WARNING
from uuid import uuid4

from connector import log
from connector.doors.pubsub_message import Message, of_data
from connector.doors.worker import Worker
from connector.event import Event
from connector.outcome import Refusal, Result
from connector.pipeline import Record


class NotAcknowledged(Exception):  # noqa: N818 - an instruction to Pub/Sub: send it again
    """Makes Pub/Sub deliver the message again; the text is the outcome."""


class PubSubDoor:
    """Delivers messages to the pipeline; one for CloudEvents, one for pushed messages."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def take(self, data: object) -> None:
        """Deliver the message in the data of a CloudEvent; main.py calls this.

        Raises:
            NotAcknowledged: Pub/Sub must deliver it again.
        """
        try:
            message = of_data(data)
        except Refusal as refusal:
            log.write(ERROR, "no Pub/Sub message", outcome=refusal.result.outcome.value)
            return  # acknowledged: it will not be a message the next time either
        ids = {"unique_id": message.message_id, "request_id": message.attributes.get("request_id")}
        log.bind(**{name: value or str(uuid4()) for name, value in ids.items()})
        with self._worker.in_flight:
            acknowledged, result = await self.deliver(message)
        if not acknowledged:
            raise NotAcknowledged(result.outcome.value)

    async def deliver(self, message: Message) -> tuple[bool, Result]:
        """Hand a message's event to the pipeline.

        Return whether the message is acknowledged, and the event's result.
        """
        record = Record()
        result = await self._worker.pipeline.handle(message.data, record)
        if result.accepted or not result.final:
            return result.accepted, result
        return await self._dead_letter(message, result, record.event)

    async def _dead_letter(
        self, message: Message, result: Result, event: Event | None
    ) -> tuple[bool, Result]:
        topic = self._worker.startup.settings.PUBSUB_DEAD_LETTER_TOPIC
        if not topic or not self._worker.publisher:
            return False, result
        details = "; ".join(f"{detail.field}: {detail.rule}" for detail in result.details)
        why = {
            "outcome": result.outcome.value,
            "reason": result.reason or details,
            "event_id": event.event_id if event else "",
            "connector": self._worker.startup.mapping.name,
        }
        try:
            await self._worker.publisher.publish(topic, message.data, message.attributes | why)
        except Refusal as refusal:
            return False, refusal.result
        log.write(WARNING, "event dead-lettered", **why)
        return True, result
