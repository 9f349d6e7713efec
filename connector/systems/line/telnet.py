"""The codes of Telnet (RFC 854) in what a system sends: every option is refused."""

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_ANSWERS = {_WILL: _DONT, _DO: _WONT}


class Telnet:
    """Removes the codes of one connection, in pieces of any size."""

    def __init__(self) -> None:
        self._code = 0  # the code whose option follows; _IAC if the code itself follows
        self._inside = False  # of a subnegotiation, whose bytes are dropped

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The text in `data`, and the answer that must be sent; both may be empty."""
        if _IAC not in data and not self._code and not self._inside:
            return data, b""
        text, answer = bytearray(), bytearray()
        for byte in data:
            self._step(byte, text, answer)
        return bytes(text), bytes(answer)

    def _step(self, byte: int, text: bytearray, answer: bytearray) -> None:
        if self._code == _IAC:
            self._command(byte, text)
        elif self._code:
            if self._code in _ANSWERS:
                answer += bytes((_IAC, _ANSWERS[self._code], byte))
            self._code = 0
        elif byte == _IAC:
            self._code = _IAC
        elif not self._inside:
            text.append(byte)

    def _command(self, byte: int, text: bytearray) -> None:
        """The byte after IAC."""
        self._code = byte if _WILL <= byte <= _DONT else 0
        if byte in (_SB, _SE):
            self._inside = byte == _SB
        elif byte == _IAC and not self._inside:
            text.append(byte)
