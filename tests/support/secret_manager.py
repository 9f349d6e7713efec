"""A server that speaks Secret Manager's own protocol (gRPC), with secrets that tests rotate."""

from concurrent import futures
from typing import Any, Self

import grpc
from google.cloud.secretmanager_v1.types import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
    ListSecretVersionsRequest,
    ListSecretVersionsResponse,
    SecretPayload,
    SecretVersion,
)

_SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"


class SecretManagerServer:
    """Secrets by id, each with its versions, oldest first; None is a version that is disabled.

    While it is `denied`, it refuses each caller. A lone surrogate ("\\udcff") stands for a byte
    that is not UTF-8.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, list[str | None]] = {}
        self.port = 0
        self.reads = 0
        self.denied = False
        self._server: grpc.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        methods = {
            "ListSecretVersions": grpc.unary_unary_rpc_method_handler(
                self._list,
                request_deserializer=ListSecretVersionsRequest.deserialize,
                response_serializer=ListSecretVersionsResponse.serialize,
            ),
            "AccessSecretVersion": grpc.unary_unary_rpc_method_handler(
                self._access,
                request_deserializer=AccessSecretVersionRequest.deserialize,
                response_serializer=AccessSecretVersionResponse.serialize,
            ),
        }
        handler = grpc.method_handlers_generic_handler(_SERVICE, methods)
        self._server.add_generic_rpc_handlers((handler,))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        if self._server:
            self._server.stop(0).wait()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _list(self, request: Any, context: grpc.ServicerContext) -> ListSecretVersionsResponse:
        assert request.filter == "state:ENABLED", request.filter
        self.reads += 1
        if self.denied:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no right to read secrets")
        name = request.parent.rpartition("/")[2]
        if name not in self.secrets:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no secret {name}")
        versions = list(enumerate(self.secrets[name], 1))
        enabled = [number for number, value in reversed(versions) if value is not None]
        found = [SecretVersion(name=f"{request.parent}/versions/{number}") for number in enabled]
        return ListSecretVersionsResponse(versions=found[: request.page_size])

    def _access(self, request: Any, context: grpc.ServicerContext) -> AccessSecretVersionResponse:
        _, _, _, name, _, number = request.name.split("/")
        value = self.secrets[name][int(number) - 1]
        assert value is not None
        payload = SecretPayload(data=value.encode(errors="surrogateescape"))
        return AccessSecretVersionResponse(name=request.name, payload=payload)
