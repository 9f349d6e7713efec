"""Google's Pub/Sub emulator, started for the tests; a machine without it skips them."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PushConfig, RetryPolicy, Subscription

from connector_tools.program import free_port

_STARTUP_SECONDS = 60


class PubSubEmulator:
    """Topics and subscriptions in a project of their own."""

    def __init__(self, address: str) -> None:
        self.address = address
        channel = grpc.insecure_channel(address)
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self.project = f"p{uuid4().hex[:12]}"

    def topic(self, name: str) -> str:
        path = f"projects/{self.project}/topics/{name}"
        self.publisher.create_topic(request={"name": path})
        return path

    def subscription(self, name: str, topic: str, push_to: str | None = None) -> str:
        path = f"projects/{self.project}/subscriptions/{name}"
        wanted: dict[str, Any] = {"name": path, "topic": topic, "ack_deadline_seconds": 10}
        if push_to:
            wanted["push_config"] = PushConfig(push_endpoint=push_to)
            soon = Duration(nanos=100_000_000)
            wanted["retry_policy"] = RetryPolicy(minimum_backoff=soon, maximum_backoff=soon)
        self.subscriber.create_subscription(request=Subscription(wanted))
        return path

    def pull(self, subscription: str, number: int, seconds: float = 30) -> list[Any]:
        """At least `number` messages, acknowledged; fewer if they do not come in time."""
        found: list[Any] = []
        deadline = time.monotonic() + seconds
        while len(found) < number and time.monotonic() < deadline:
            wanted = {"subscription": subscription, "max_messages": 100}
            try:
                received = self.subscriber.pull(request=wanted, timeout=2).received_messages
            except DeadlineExceeded:
                continue
            if received:
                ids = [message.ack_id for message in received]
                self.subscriber.acknowledge(request={"subscription": subscription, "ack_ids": ids})
            found += [message.message for message in received]
        return found


@contextmanager
def running_emulator() -> Iterator[str]:
    """The address of a running emulator."""
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud with the Pub/Sub emulator is not on this machine")
    address = f"127.0.0.1:{free_port()}"
    command = ["gcloud", "beta", "emulators", "pubsub", "start"]
    command += [f"--host-port={address}", "--project=demo", "--quiet"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(channel).result(timeout=_STARTUP_SECONDS)
        channel.close()
        yield address
    except grpc.FutureTimeoutError:
        if process.poll() is None:
            raise AssertionError("the Pub/Sub emulator did not start") from None
        pytest.skip("the Pub/Sub emulator is not installed, or has no Java")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
