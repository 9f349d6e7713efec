"""Replies as real systems send them: with all that RFC 9112 forbids and other clients read."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis.strategies as st

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 2\r\n\r\nok"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
JSON = b'{"result": true, "text": "%b"}' % (b"ok" * 40)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def packed(coding: bytes, body: bytes) -> bytes:
    head = OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(body))
    return head + body


# Each is read by at least two of h11, aiohttp and curl.
READ = {
    "latin-1": OK + b"X-Name: Jos\xe9\r\n" + LENGTH,
    "utf-8": OK + b"X-Name: Jos\xc3\xa9\r\n" + LENGTH,
    "latin-1 in the reason": b"HTTP/1.1 200 Donn\xe9es\r\n" + LENGTH,
    "control characters": OK + b"X-Name: a\x01b\x1b\x7f\r\n" + LENGTH,
    "LF only": (OK + b"X-Name: a\r\n" + LENGTH).replace(b"\r\n", b"\n"),
    "LF in one line": OK + b"X-Name: a\nX-More: b\r\n" + LENGTH,
    "LF after the headers": OK + b"Content-Length: 2\r\n\nok",
    "LF in an interim reply": b"HTTP/1.1 100 Continue\n\n" + OK + LENGTH,
    "LF after a chunk": CHUNKED + b"2\r\nok\n0\r\n\r\n",
    "LF at the end": CHUNKED + b"2\r\nok\r\n0\r\n\n",
    "folded": OK + b"X-Name: a\r\n b\r\n\tc\r\n" + LENGTH,
    "folded at the colon": OK + b"X-Name:\r\n b\r\n" + LENGTH,
    "folded length": OK + b"X-Name: a\r\nContent-Length:\r\n 2\r\n\r\nok",
    "folded with LF": OK + b"X-Name: a\n b\r\n" + LENGTH,
    "blank before the colon": OK + b"Content-Length : 2\r\n\r\nok",
    "blanks around a value": OK + b"X-Name: \t a\t \r\n" + LENGTH,
    "padded chunk": CHUNKED + b"2  \r\nok\r\n0\t\r\n\r\n",
    "control in an extension": CHUNKED + b"2;a=\x01\r\nok\r\n0\r\n\r\n",
    "CR in an extension": CHUNKED + b"2;a\rb\r\nok\r\n0\r\n\r\n",
    "folded trailer": CHUNKED + b"2\r\nok\r\n0\r\nX: a\r\n b\r\n\r\n",
    "1000 headers": OK + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + LENGTH,
    "a long header": OK + b"X-Name: " + b"a" * 90_000 + b"\r\n" + LENGTH,
    "the same length twice": OK + b"Content-Length: 2\r\n" + LENGTH,
    "the same length in a list": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "identity": OK + b"Transfer-Encoding: identity\r\n\r\nok",
    "an empty transfer encoding": OK + b"Transfer-Encoding:\r\n" + LENGTH,
    "chunked twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks over 1.0": b"HTTP/1.0" + CHUNKED[8:] + b"2\r\nok\r\n0\r\n\r\n",
    "0.9": b"HTTP/0.9 200 OK\r\n" + LENGTH,
    "2.0": b"HTTP/2.0 200 OK\r\n" + LENGTH,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH,
    "status 999": b"HTTP/1.1 999 Odd\r\n" + LENGTH,
    "204 with a body": b"HTTP/1.1 204 No Content\r\n" + LENGTH,
    "bytes after the reply": OK + b"Content-Length: 1\r\n\r\nok",
    "two cookies": OK + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" + LENGTH,
    "a name twice": OK + b"X-Name: a\r\nx-name: b\r\n" + LENGTH,
    "until the end": OK + b"\r\nok",
    "UTF-8 as a coding": packed(b"UTF-8", JSON),
    "none as a coding": packed(b"none", JSON),
    "binary as a coding": packed(b"binary", JSON),
    "an empty body of br": packed(b"br", b""),
    "gzip": packed(b"gzip", gzip.compress(JSON)),
    "raw deflate": packed(b"deflate", raw_deflate(JSON)),
    "two codings": packed(b"deflate, gzip", gzip.compress(zlib.compress(JSON))),
    "two codings in two headers": packed(
        b"deflate\r\nContent-Encoding: gzip", gzip.compress(zlib.compress(JSON))
    ),
    "identity and gzip": packed(b"identity, gzip", gzip.compress(JSON)),
    "commas and gzip": packed(b",gzip,", gzip.compress(JSON)),
}
# Each stays refused, although some clients read it.
DANGEROUS = {
    "two lengths": OK + b"Content-Length: 3\r\n" + LENGTH,
    "two lengths in a list": OK + b"Content-Length: 2, 3\r\n\r\nok",
    "a length and chunks": OK + b"Content-Length: 2\r\n" + CHUNKED[17:] + b"2\r\nok\r\n0\r\n\r\n",
    "chunks and a length": CHUNKED[:-2] + b"Content-Length: 12\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks and a length, folded": CHUNKED[:-2]
    + b"Content-Length:\r\n 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks and a length, blank": CHUNKED[:-2] + b"Content-Length : 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "a blank before the colon of chunks": OK
    + b"Transfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "NUL in a value": OK + b"X-Name: a\0b\r\n" + LENGTH,
    "NUL in a name": OK + b"X-N\0ame: a\r\n" + LENGTH,
    "NUL in the reason": b"HTTP/1.1 200 O\0K\r\n" + LENGTH,
    "NUL in an extension": CHUNKED + b"2;\0\r\nok\r\n0\r\n\r\n",
    "CR in a value": OK + b"X-Name: a\rContent-Length: 3\r\n" + LENGTH,
    "a folded first header": OK + b" X-Name: a\r\n" + LENGTH,
    "a length with a fold in it": OK + b"X: 1\r\nContent-Length: 1\r\n 2\r\n\r\nok0123456789",
    "a length with a sign": OK + b"Content-Length: +2\r\n\r\nok",
    "a chunk size with a sign": CHUNKED + b"+2\r\nok\r\n0\r\n\r\n",
    "a longer chunk": CHUNKED + b"1\r\nok\r\n0\r\n\r\n",
    "gzip as a transfer encoding": OK + b"Transfer-Encoding: gzip, chunked" + CHUNKED[43:],
    "another protocol": b"HTTP/1.1 101 \r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + OK + LENGTH,
    "cut in the headers": OK + b"X-Name: a\r\n",
    "cut in the body": OK + b"Content-Length: 3\r\n\r\nok",
    "cut before the last chunk": CHUNKED + b"2\r\nok\r\n",
    "cut after the last chunk": CHUNKED + b"2\r\nok\r\n0\r\n",
    "cut gzip": packed(b"gzip", gzip.compress(JSON)[:-9]),
    "cut zlib": packed(b"deflate", zlib.compress(JSON)[:-2]),
    "cut raw deflate": packed(b"deflate", raw_deflate(JSON)[:-2]),
    "cut second member": packed(b"gzip", gzip.compress(JSON) + gzip.compress(JSON)[:-9]),
    "br": packed(b"br", JSON),
    "zstd": packed(b"zstd", JSON),
    "gzip over br": packed(b"br, gzip", gzip.compress(JSON)),
    "gzip of another name": packed(b"best", gzip.compress(JSON)),
}


@dataclass(frozen=True)
class OddReply:
    """A reply; `content` is its body as sent, `plain` without its coding.

    `damaged` is true if bytes were changed or are missing.
    """

    raw: bytes
    content: bytes
    plain: bytes
    damaged: bool


ENDS = st.sampled_from([b"\r\n"] * 6 + [b"\n"])
BLANKS = st.sampled_from([b""] * 5 + [b" ", b"\t", b"  "])
NAMES = st.sampled_from(
    [
        b"X-Name",
        b"x-name",
        b"Server",
        b"Set-Cookie",
        b"X_Under",
        b"Date",
        b"Connection",
        b"!",
        b"X.Y",
    ]
)
VALUES = st.one_of(
    st.sampled_from([b"", b"a", b"a, b", b"close", b"keep-alive", b"a: b", b"Jos\xc3\xa9", b'"q"']),
    st.binary(max_size=12).map(lambda value: value.translate(None, b"\0\r\n")),
    st.lists(st.binary(max_size=5), max_size=3).map(
        lambda parts: b"\r\n ".join(part.translate(None, b"\0\r\n") for part in parts)
    ),
)
STATUS = st.builds(
    lambda version, status, reason: b"HTTP/%b %d%b" % (version, status, reason),
    st.sampled_from([b"1.1"] * 5 + [b"1.0", b"2.0", b"0.9"]),
    st.sampled_from([200] * 5 + [201, 204, 304, 404, 500, 503, 600, 999]),
    st.sampled_from([b" OK"] * 4 + [b"", b" ", b" d\xe9j\xe0", b" a\tb", b" a\x01"]),
)
CODINGS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"GZIP": gzip.compress,
    b"deflate": zlib.compress,
    b"Deflate": raw_deflate,
    b"deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    b"gzip, identity": gzip.compress,
    b"identity": bytes,
    b"none": bytes,
    b"UTF-8": bytes,
    b"": bytes,
}


@st.composite
def lines(draw: st.DrawFn, name: bytes, value: bytes) -> bytes:
    gap = draw(BLANKS) if draw(st.integers(0, 9)) == 0 else b""
    fold = draw(st.sampled_from([b""] * 8 + [b"\r\n ", b"\n\t"]))
    return b"%b%b:%b%b%b%b%b" % (
        name, gap, draw(BLANKS), fold, value, draw(BLANKS), draw(ENDS)
    )  # fmt: skip


EXTENSIONS = st.sampled_from([b""] * 5 + [b";a=b", b';a="b"', b";\x01", b";"])
TRAILERS = st.sampled_from([b""] * 4 + [b"X: 1\r\n", b"X: \xe9\r\n", b"X: a\r\n b\r\n"])


@st.composite
def chunks(draw: st.DrawFn, content: bytes) -> bytes:
    place = draw(st.integers(0, len(content)))
    made = b""
    for part in (content[:place], content[place:]):
        if part:
            size = draw(st.sampled_from([b"%x", b"%X", b"00%x"])) % len(part)
            made += size + draw(BLANKS) + draw(EXTENSIONS) + draw(ENDS) + part + draw(ENDS)
    return made + b"0" + draw(BLANKS) + draw(ENDS) + draw(TRAILERS) + draw(ENDS)


@st.composite
def framed(draw: st.DrawFn, content: bytes) -> tuple[list[bytes], bytes]:
    """The headers that say where a body ends, and the body on the wire."""
    length, coding = b"Content-Length", b"Transfer-Encoding"
    number = b"%d" % len(content)
    kind = draw(st.sampled_from(["length"] * 3 + ["chunks"] * 3 + ["twice", "end", "odd"]))
    if kind == "length":
        return [draw(lines(length, number))], content
    if kind == "twice":
        return [draw(lines(length, number)), draw(lines(length.lower(), number))], content
    if kind == "chunks":
        return [draw(lines(coding, draw(st.sampled_from([b"chunked", b"Chunked"]))))], draw(
            chunks(content)
        )
    if kind == "end":
        return [], content
    odd = draw(st.sampled_from([b"identity", b"", b"chunked, chunked", b"gzip", b"gzip, chunked"]))
    more = [draw(lines(length, draw(st.sampled_from([number, b"0", b"", b"1, 2"]))))]
    return [draw(lines(coding, odd)), *(more if draw(st.booleans()) else [])], draw(
        st.sampled_from([content, draw(chunks(content))])
    )


@st.composite
def odd_replies(draw: st.DrawFn) -> OddReply:
    plain = draw(st.sampled_from([b"", b"ok", JSON]) | st.binary(max_size=40))
    headers = draw(
        st.lists(st.tuples(NAMES, VALUES).flatmap(lambda pair: lines(*pair)), max_size=4)
    )
    content = plain
    if draw(st.integers(0, 3)) == 0:
        coding = draw(st.sampled_from(list(CODINGS)))
        content = CODINGS[coding](plain)
        headers.append(draw(lines(b"Content-Encoding", coding)))
    framing, body = draw(framed(content))
    headers = draw(st.permutations([*headers, *framing]))
    interim = draw(st.sampled_from([b""] * 8 + [b"HTTP/1.1 100 Continue\r\n\r\n"]))
    head = interim + draw(STATUS) + draw(ENDS) + b"".join(headers) + draw(ENDS)
    raw = head + body + draw(st.sampled_from([b""] * 9 + [b"x"]))
    damage = draw(st.sampled_from(["none"] * 4 + ["cut", "byte"]))
    if damage == "cut":
        raw = raw[: draw(st.integers(0, len(raw)))]
    if damage == "byte":
        place = draw(st.integers(0, len(raw) - 1))
        byte = draw(
            st.sampled_from([b"", b"\0", b"\r", b"\n", b" ", b":", b",", b"\xff", b"0", b"a"])
        )
        raw = raw[:place] + byte + raw[place + draw(st.integers(0, 1)) :]
    return OddReply(raw, content, plain, damage != "none")
