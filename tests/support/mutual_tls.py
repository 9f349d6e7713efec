"""A server that wants a client certificate and says why it refuses one, as OpenSSL's own does.

The servers of asyncio and of Python's `ssl` end the connection before their refusal has arrived.
"""

import socket
import ssl
import threading
import time
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Self

from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate

from tests.support.certificates import Authority

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 100


class MutualTls:
    """Answers each request with `{}`. `shown` has the serial number of each client's certificate.

    `refused` counts the handshakes that failed, `requests` the requests that were read.
    """

    def __init__(self, version: ssl.TLSVersion, server: Authority, clients: Authority) -> None:
        self.shown: list[int] = []
        self.refused = 0
        self.requests = 0
        self._context = server.server_that_asks(version, clients)
        owner = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                owner.serve(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"

    def refuses(self, handshakes: int) -> None:
        """Wait until so many have been refused; a client knows it before the counter does."""
        deadline = time.monotonic() + 10
        while self.refused < handshakes:
            assert time.monotonic() < deadline, f"{self.refused} refusals of {handshakes}"
            time.sleep(0.005)

    def serve(self, plain: socket.socket) -> None:
        """Serve one connection, or refuse it and wait until the client has gone."""
        kept = plain.dup()  # a failed handshake closes the other one
        with kept:
            try:
                secured = self._context.wrap_socket(plain, server_side=True)
            except OSError:
                self.refused += 1
                kept.shutdown(socket.SHUT_WR)
                while kept.recv(65_536):
                    pass
                return
            with secured:
                self._answer(secured)

    def _answer(self, secured: ssl.SSLSocket) -> None:
        certificate = load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        self.shown.append(certificate.serial_number)
        stream = secured.makefile("rb")
        while head := stream.readline():
            length = 0
            while (line := stream.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            stream.read(length)
            self.requests += bool(head)
            secured.sendall(OK)

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def serial_number(pem: str | Path) -> int:
    """The serial number of the first certificate."""
    text = pem.read_text() if isinstance(pem, Path) else pem
    return load_pem_x509_certificate(text.encode()).serial_number
