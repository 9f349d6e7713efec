"""Reads one reply from the bytes of a connection: its lines, and where it ends.

Every byte is looked at once. Only the text after the last line is looked at again with each piece
that comes, for a prompt, and only while it is short.
"""

from connector.mapping.pattern import compiled

_LONGEST_PROMPT = 200  # bytes


class ReplyReader:
    """Reads a reply. `ends` is a pattern of its last line, `prompt` of the text after that."""

    def __init__(self, ends: str | None, prompt: str | None, encoding: str) -> None:
        self.lines: list[str] = []
        self.done = False
        self._ends = compiled(ends).matches if ends is not None else None
        self._prompt = compiled(prompt).matches if prompt is not None else None
        self._encoding = encoding
        self._rest = bytearray()  # after the last line

    def feed(self, data: bytes) -> bytes:
        """Read bytes; returns those after the end of the reply. The caller limits their number."""
        begin = 0
        while (end := data.find(b"\n", begin)) >= 0:
            self._rest += data[begin:end]
            begin = end + 1
            if self._take_line():
                return data[begin:]
        self._rest += data[begin:]
        if self._prompt and len(self._rest) <= _LONGEST_PROMPT:
            self.done = self._prompt(self._decoded())
        return b""

    def _take_line(self) -> bool:
        """Read the line that has come; whether it is the last one."""
        line = self._decoded()
        self._rest.clear()
        self.lines.append(line)
        self.done = self._ends is not None and self._ends(line)
        return self.done

    def _decoded(self) -> str:
        text = self._rest.decode(self._encoding, errors="replace")
        return text.replace("\0", "").strip("\r")
