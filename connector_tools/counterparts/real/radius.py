"""A small RADIUS client: it sends an Access-Request with a password (RFC 2865) over UDP."""

import hashlib
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

_REQUEST, _ACCEPT = 1, 2
_USER_NAME, _USER_PASSWORD, _NAS_IDENTIFIER, _CLASS, _VENDOR = 1, 2, 32, 25, 26
_WISPR = 14122
_MAX_UP, _MAX_DOWN = 7, 8
_TRIES, _SECONDS = 3, 5.0


class Answer(NamedTuple):
    """The answer to an Access-Request; speeds are in bits per second, None if there is none."""

    accepted: bool
    account: str | None = None
    down: int | None = None
    up: int | None = None


def ask(place: tuple[str, int], secret: bytes, user: str, password: str) -> Answer:
    """Ask a RADIUS server whether a user gets service, and which.

    Raises:
        TimeoutError: it does not answer.
        ValueError: the answer is not from a server that knows the secret.
    """
    number, proof = os.urandom(1)[0], os.urandom(16)
    attributes = b"".join(
        bytes([kind, len(value) + 2]) + value
        for kind, value in (
            (_USER_NAME, user.encode()),
            (_USER_PASSWORD, _hidden(password.encode(), secret, proof)),
            (_NAS_IDENTIFIER, b"gateway"),
        )
    )
    request = _head(_REQUEST, number, attributes) + proof + attributes
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(_SECONDS)
        connection.connect(place)
        return _answer(_exchanged(connection, request), number, proof, secret)


def _exchanged(connection: socket.socket, request: bytes) -> bytes:
    for number in range(_TRIES):
        connection.send(request)
        try:
            return connection.recv(4096)
        except TimeoutError:
            if number == _TRIES - 1:
                raise
    raise TimeoutError


def _answer(packet: bytes, number: int, proof: bytes, secret: bytes) -> Answer:
    attributes = packet[20:]
    expected = hashlib.md5(packet[:4] + proof + attributes + secret, usedforsecurity=False)
    if packet[1] != number or packet[4:20] != expected.digest():
        raise ValueError("the answer is not of the server that was asked")
    if packet[0] != _ACCEPT:
        return Answer(accepted=False)
    found = dict(_attributes(attributes))
    account = found.get((0, _CLASS))
    speeds = [found.get((_WISPR, kind)) for kind in (_MAX_DOWN, _MAX_UP)]
    down, up = (None if speed is None else int.from_bytes(speed) for speed in speeds)
    return Answer(True, None if account is None else account.decode(), down, up)


def _attributes(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield the attributes by vendor (0 for none) and kind."""
    while data:
        kind, length = data[0], data[1]
        value, data = data[2:length], data[length:]
        if kind == _VENDOR:
            yield (int.from_bytes(value[:4]), value[4]), value[6:]
        else:
            yield (0, kind), value


def _head(code: int, number: int, attributes: bytes) -> bytes:
    return bytes([code, number]) + (20 + len(attributes)).to_bytes(2)


def _hidden(password: bytes, secret: bytes, proof: bytes) -> bytes:
    """The password as RFC 2865 hides it (5.2)."""
    padded = password.ljust(max(16, -(-len(password) // 16) * 16), b"\0")
    hidden, last = b"", proof
    for at in range(0, len(padded), 16):
        mask = hashlib.md5(secret + last, usedforsecurity=False).digest()
        last = bytes(a ^ b for a, b in zip(padded[at : at + 16], mask, strict=True))
        hidden += last
    return hidden
