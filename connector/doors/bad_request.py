"""What is no HTTP request to the server's parser is answered in our shape, too."""

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connector.outcome import Outcome, Result, answer


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, but for the answer to an invented method or a malformed head."""

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and hang up; the parser cannot tell what came after the fault."""
        body = json.dumps(answer(Result(Outcome.INVALID, msg)).body).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
