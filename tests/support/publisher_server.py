"""A server that speaks the publishing half of Pub/Sub's protocol (gRPC), with its limits."""

from concurrent import futures
from typing import Any, Self

import grpc
from google.pubsub_v1 import PublishRequest, PublishResponse, PubsubMessage


class PublisherServer:
    """Keeps what is published; refuses what Pub/Sub refuses, and everything while it is `down`."""

    def __init__(self) -> None:
        self.messages: list[PubsubMessage] = []
        self.down = False
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        method = grpc.unary_unary_rpc_method_handler(
            self._publish,
            request_deserializer=PublishRequest.deserialize,
            response_serializer=PublishResponse.serialize,
        )
        methods = {"Publish": method}
        handler = grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", methods)
        self._server.add_generic_rpc_handlers((handler,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.stop(0).wait()

    def _publish(self, request: Any, context: grpc.ServicerContext) -> PublishResponse:
        (message,) = request.messages
        if self.down:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no right to publish")
        if broken := list(broken_limits(message)):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, broken[0])
        self.messages.append(message)
        return PublishResponse(message_ids=[str(len(self.messages))])


def broken_limits(message: Any) -> Any:
    """Yield each limit that a message breaks: https://cloud.google.com/pubsub/quotas."""
    names = dict(message.attributes)
    if not message.data and not names:
        yield "neither data nor attributes"
    if len(names) > 100:
        yield "more than 100 attributes"
    for name, value in names.items():
        if not 0 < len(name.encode()) <= 256 or name.startswith("goog"):
            yield f"the name {name[:20]}"
        if len(value.encode()) > 1024:
            yield f"the value of {name[:20]}"
