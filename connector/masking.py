"""Hide secrets and personal data in texts that quote an event, a request or a reply (contract 4.8).

Others write a value in spellings of their own: URL-encoded, as an escape of JSON, XML or C, in
Base64 or hex, in the wrong charset, a number in groups, a name without its accents. `redact` finds
a known value in all of them.
"""

import base64
import html
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

_HIDDEN = "***"
_LONGEST = 30_000  # characters; searching them takes up to 0.1 s
_MARGIN = 1000  # characters; more than a value has, escaped
_SHORT = 3  # characters; masking shorter personal data would hide every other word
_FEW = 6  # a known number of fewer digits, or a secret of fewer letters, must be a whole word
_NATIONAL = 9  # digits of a phone number without the code of its country
_TAIL = re.compile(r".{4,}[0-9]{4}", re.S)
# A number, perhaps in groups: `+420 700 000 001`, `(700) 000-001`.
_NUMBER = re.compile(r"[0-9](?:[ \t\u00a0.,:'_()/-]{0,2}[0-9])*")
# %C3%AB, \xc3\xab, \303\253, =C3=AB; then \u00eb, \u{eb}, &#235; &euml; \'
_BYTES = (
    r"(?:%[0-9A-Fa-f]{2})+|(?:\\x[0-9A-Fa-f]{2})+|(?:\\[0-3][0-7]{2})+|"
    r"(?:=[C-F][0-9A-F](?:=[89AB][0-9A-F])+)+"
)
_ESCAPES = re.compile(
    rf"{_BYTES}|(?:\\u[0-9A-Fa-f]{{4}})+|\\u\{{[0-9A-Fa-f]{{1,6}}\}}|"
    r"&#(?:[0-9]{1,7}|[xX][0-9A-Fa-f]{1,6});?|&[0-9A-Za-z]{1,31};|\\[\"'/\\]"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]{1,9}")
_CODED = re.compile(r"[A-Za-z0-9+/_-]{5,}={0,2}")
_DUMP = re.compile(r"[0-9A-Fa-f]{2}(?:([ :-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){2,}")  # 5a 6f 65
_UUID = "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
_LONG = re.compile(rf"({_UUID})|(?<![0-9])[0-9]{{6,}}(?![0-9])|\+[0-9](?:[ .()/-]?[0-9]){{6,}}")
_NO_DIGIT = re.compile(r"[^0-9]+")
_LETTER = re.compile(r"[^\W\d_]")
_LONGEST_PHONE = 15  # digits (contract 6.6)
# It begins only where a word begins: the time of a search from each letter is quadratic.
_EMAIL = re.compile(
    r"(?<![^\s@<>\"'])[^\s@<>\"']++@[^\s@<>\"']+\.[A-Za-z]{2,}(?:[^\s@<>\"']*@[^\s<>\"']*)?"
)
_PROOF = re.compile(
    r"\b((?:basic|bearer|digest)\s+(?=\S*[0-9=+/]|(?-i:\S*[a-z][A-Z])|\S{16})|"
    r"(?:api[-_]?key|(?:access[-_]?|refresh[-_]?)?token|password|passwd|pwd|secret)=)"
    r"[^\s&\"'<>,;]{4,}",
    re.I,
)

_LAYERS = 3  # a text that was escaped twice or three times
_SURE = 5  # letters of Base64 that are no coincidence
_URL_SAFE = str.maketrans("-_", "+/")

Span = tuple[int, int, bool]
"""Begin and end of something to hide in a text, and whether it is a secret."""


def mask(value: str) -> str:
    """Replace all characters by `*`; a value of 8 or more keeps the four digits it ends in."""
    kept = value[-4:] if _TAIL.fullmatch(value) else ""
    return kept.rjust(len(value), "*")


def redact(
    text: str,
    personal: Iterable[str] = (),
    secrets: Iterable[str] = (),
    clear: Iterable[str] = (),
) -> str:
    """Remove secrets, `personal` data, long numbers and e-mail addresses from a text.

    Texts of `clear` stay readable: ids and names that are not personal. Values of `personal` and
    `secrets` are hidden inside of them, too.
    """
    rest = len(text) - _LONGEST
    text = text[:_LONGEST].encode(errors="replace").decode()  # JSON has half surrogate pairs
    known = [(datum, False) for datum in personal if len(datum) >= _SHORT]
    known += [(secret, True) for secret in secrets if secret]
    if known:
        text = _hide(text, _found(text, known))
    text = _PROOF.sub(lambda found: found[1] + _HIDDEN, text)
    text = _general(text, sorted({name for name in clear if name and name in text}, key=len))
    if rest > 0:  # a value at the end may be cut in two, and so not be found
        return f"{text[:-_MARGIN]} [cut: {rest + _MARGIN} more characters]"
    return text


def hide_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with `***` in place of each secret, in all its spellings; the rest stays."""
    known = [(secret, True) for secret in secrets if secret]
    return _hide(text, _found(text, known)) if known else text


def _general(text: str, clear: list[str]) -> str:
    """Hide what looks like a number of a subscriber or an address, outside the `clear` texts."""
    if clear:
        name = clear[-1]
        return name.join(_general(part, clear[:-1]) for part in text.split(name))
    text = _EMAIL.sub(_HIDDEN, text) if "@" in text else text
    return _LONG.sub(lambda found: found[1] or mask(found[0]), text)


def _hide(text: str, spans: Iterable[Span]) -> str:
    """The text without these places; of places that overlap, all is hidden."""
    parts: list[str] = []
    at = 0
    for begin, end, secret in _merged(spans):
        parts += text[at:begin], _HIDDEN if secret else mask(text[begin:end])
        at = end
    return "".join([*parts, text[at:]])


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for begin, end, secret in sorted(spans):
        if merged and begin < merged[-1][1]:
            first, last, other = merged[-1]
            merged[-1] = first, max(last, end), other or secret
        else:
            merged.append((begin, end, secret))
    return merged


def _found(text: str, known: list[tuple[str, bool]]) -> Iterator[Span]:
    """Yield each place of the text that holds a known value, in any spelling."""
    plain, places = _plain(text)
    numbers = [(place.start(), place[0]) for place in _NUMBER.finditer(plain)]
    coded = [
        (place.start(), place.end(), place[0].translate(_URL_SAFE))
        for place in _CODED.finditer(text)
        if not _WORD.fullmatch(place[0])
    ]
    coded += [
        (dump.start(), dump.end(), dump[0].replace(dump[1], "")) for dump in _DUMP.finditer(text)
    ]
    for value, secret in known:
        spans = [span for form in _forms(value) for span in _words(plain, _plain(form)[0], secret)]
        if numbers:
            spans += _in_numbers(numbers, value)
        yield from ((places[begin], places[end], secret) for begin, end in spans)
        forms = list(_codes(value)) if coded else []
        yield from (
            (begin, end, secret)
            for begin, end, token in coded
            if any(form in token for form in forms)
        )


def _forms(value: str) -> Iterator[str]:
    """Yield the value, and what others make of it: SQL, a wrong charset, the name in an address."""
    yield value
    if "'" in value:
        yield value.replace("'", "''")
    name, at, _ = value.partition("@")
    if at and _LETTER.search(name) and re.search("[._0-9-]", name):
        yield name
    if not value.isascii():
        data = value.encode(errors="replace")
        yield from (data.decode("latin-1"), data.decode("cp1252", "replace"))
        for lost in "?\ufffd":
            rest = "".join(letter if letter.isascii() else lost for letter in value)
            if len(_LETTER.findall(rest)) >= _SHORT:
                yield rest


def _words(plain: str, value: str, secret: bool) -> Iterator[tuple[int, int]]:
    """Yield where the text has the value; letters of a name must not be a part of another word."""
    whole = len(value) < _FEW if secret else not (value.isdigit() and len(value) >= _FEW)
    at = plain.find(value) if value.strip() else -1
    while at >= 0:
        end = at + len(value)
        before, after = plain[at - 1 : at], plain[end : end + 1]
        if not whole or not (
            (before.isalnum() and value[0].isalnum()) or (after.isalnum() and value[-1].isalnum())
        ):
            yield at, end
        at = plain.find(value, at + 1)


def _in_numbers(numbers: list[tuple[int, str]], value: str) -> Iterator[tuple[int, int]]:
    """Yield where a number of the text has this number, with or without its country's code."""
    digits = _digits(value)
    if not digits:
        return
    national = digits[-_NATIONAL:] if len(digits) <= _LONGEST_PHONE else digits
    for begin, number in numbers:
        found = _NO_DIGIT.sub("", number)
        sought = digits if digits in found else national
        if sought in found:
            places = [at for at, sign in enumerate(number, begin) if sign.isdigit()]
            first = found.index(sought)
            yield places[first], places[first + len(sought) - 1] + 1


def _digits(value: str) -> str:
    """The digits of a number, perhaps in groups or before `@msisdn`; else an empty text."""
    number = value.partition("@")[0]
    digits = _NO_DIGIT.sub("", number)
    return digits if len(digits) >= _FEW and not _LETTER.search(number) else ""


def _plain(text: str) -> tuple[str, Sequence[int]]:
    """The text without escapes, accents and case, and the place in `text` of each character.

    The places have one entry more: the end.
    """
    places: Sequence[int] = range(len(text) + 1)
    for _ in range(_LAYERS):
        if not _ESCAPES.search(text):
            break
        text, places = _folded(_decoded(text), places)
    if text.isascii():
        return text.lower().replace("+", " "), places
    letters = ((at, letter) for at, found in enumerate(text) for letter in _simple(found))
    text, places = _folded(letters, places)
    return text.replace("+", " "), places


@lru_cache(1000)
def _simple(letter: str) -> str:
    """A letter without accents and case; any dash as `-`, any digit as 0 to 9.

    Empty for an invisible character: a combining accent, a soft hyphen, a mark of the direction.
    """
    found = ""
    for part in unicodedata.normalize("NFKD", letter).casefold():
        kind = unicodedata.category(part)
        if kind == "Nd":
            found += str(unicodedata.digit(part))
        elif kind == "Pd":
            found += "-"
        elif kind != "Cf" and not unicodedata.combining(part):
            found += part
    return found


def _folded(letters: Iterable[tuple[int, str]], places: Sequence[int]) -> tuple[str, Sequence[int]]:
    """Join letters, given with their index in the text before, whose `places` are known."""
    pairs = list(letters)
    return "".join(letter for _, letter in pairs), [*(places[at] for at, _ in pairs), places[-1]]


def _decoded(text: str) -> Iterator[tuple[int, str]]:
    """Yield the letters of a text with escapes, each with the index at which it begins."""
    at = 0
    for escape in _ESCAPES.finditer(text):
        yield from enumerate(text[at : escape.start()], at)
        at = escape.start()
        for letter, size in _unescaped(escape[0]):
            yield at, letter
            at += size
        at = escape.end()
    yield from enumerate(text[at:], at)


def _unescaped(escape: str) -> Iterator[tuple[str, int]]:
    """Yield the letters of an escape, each with its length in the escaped text."""
    if escape[0] in "%=":
        yield from _of_bytes(bytes.fromhex(escape.replace(escape[0], "")), 3)
    elif escape.startswith("\\x"):
        yield from _of_bytes(bytes.fromhex(escape.replace("\\x", "")), 4)
    elif escape[1].isdigit():
        yield from _of_bytes(bytes(int(code, 8) for code in escape.split("\\")[1:]), 4)
    elif escape.startswith("\\u{"):
        code = int(escape[3:-1], 16)
        yield chr(code) if code <= sys.maxunicode else "?", len(escape)
    elif escape.startswith("\\u"):
        data = bytes.fromhex(escape.replace("\\u", ""))
        for letter in data.decode("utf-16-be", "replace"):
            yield letter, 12 if ord(letter) > 0xFFFF else 6
    elif escape.startswith("\\"):
        yield escape[1], 2
    else:
        yield from ((letter, 0) for letter in html.unescape(escape))


def _of_bytes(data: bytes, size: int) -> Iterator[tuple[str, int]]:
    """Yield the letters of escaped bytes, in UTF-8 or Latin-1; each byte has a length of `size`."""
    try:
        yield from ((letter, size * len(letter.encode())) for letter in data.decode())
    except UnicodeDecodeError:
        yield from ((letter, size) for letter in data.decode("latin-1"))


def _codes(value: str) -> Iterator[str]:
    """Yield the letters that encode the value in Base64 or hex, whatever is encoded around it."""
    digits = _digits(value)
    if digits and digits != value:
        yield from _codes(digits)
    data = value.encode(errors="replace")
    yield from (data.hex(), data.hex().upper())
    for offset in range(3):  # Base64 writes three bytes as four letters
        letters = base64.b64encode(bytes(offset) + data).decode()
        inside = letters[-(-offset * 4 // 3) : (offset + len(data)) * 4 // 3]
        if len(inside) >= _SURE:
            yield inside
