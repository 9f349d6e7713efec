"""Requests that uvicorn's HTTP parser rejects also get our JSON error body."""

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connector.outcome import Outcome, Result, answer


class JsonErrorProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with another answer to an unknown method or a malformed head."""

    def send_400_response(self, msg: str) -> None:
        """Answer 400 with `msg` as the error, and close: the next request's start is unknown."""
        body = json.dumps(answer(Result(Outcome.INVALID, msg)).body).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
