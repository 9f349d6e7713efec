"""The errors of YAML's own reader, in the words of a mapping file's author.

`connector.mapping.document` asks for them when a file cannot be read.
"""

from pathlib import Path

import yaml

from connector.mapping.lint import Edit, Lint, Place
from connector.mapping.quoting import Bare, bare_values, first_that
from connector.mapping.scalar import Loader

_QUOTES = "'\""
_NEAR = 2  # lines above the place where the reader stopped


def syntax_lint(path: Path, text: str, error: yaml.YAMLError) -> Lint:
    """The lint of an error that YAML's reader raised for this text."""
    return unquoted(path, text, _place(text, error)) or _as_said(path, text, error)


def unquoted(path: Path, text: str, place: Place) -> Lint | None:
    """The lint of a value that can be read once it is in quotes; None if there is none.

    `place` is where the reader stopped.
    """
    lines = text.split("\n")
    for number in range(min(place.line, len(lines)), max(place.line - 1 - _NEAR, 0), -1):
        line = lines[number - 1]
        column = place.column if number == place.line else len(line)

        def helps(value: Bare, number: int = number) -> bool:
            changed = _with_quotes(lines, number, value)
            return value.likely and _goes_on(changed, place.line)

        found = first_that(bare_values(line, column), helps)
        if found:
            return unquoted_lint(path, number, found)
    return None


def unquoted_lint(path: Path, line: int, value: Bare) -> Lint:
    """The lint of a value in a line that needs quotes because of a sign in it."""
    what = "expression" if value.text.startswith("=") else "text"
    reason = f"`{value.sign.strip()}` has a meaning in YAML, so this {what} needs quotes"
    start = Place(line, value.start + 1)
    end = start._replace(column=start.column + len(value.text))
    fix = (Edit(start, end, value.meant),)
    mend = f"{'put it in quotes' if value.meant[0] in _QUOTES else 'write'}: {value.meant}"
    return Lint("unquoted", path, start, reason, mend, end=end, fix=fix)


def _with_quotes(lines: list[str], number: int, value: Bare) -> str:
    line = lines[number - 1]
    rest = line[value.start + len(value.text) :]
    changed = line[: value.start] + value.meant + rest
    return "\n".join([*lines[: number - 1], changed, *lines[number:]])


def _goes_on(text: str, line: int) -> bool:
    """Whether the reader comes past a line of this text, and finds no list or object as a key."""
    try:
        for event in yaml.parse(text, Loader=Loader):
            if event.start_mark and event.start_mark.line > line:
                return True
        yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return bool(mark and mark.line > line)
    return True


def _place(text: str, error: yaml.YAMLError) -> Place:
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _as_said(path: Path, text: str, error: yaml.YAMLError) -> Lint:
    """The lint with the reader's own reason, in plain words if they are known."""
    place = _place(text, error)
    problem = getattr(error, "problem", None) or "unreadable"
    reason, mend = f"not YAML: {problem}", "check indentation and quotes here"
    if isinstance(error, yaml.reader.ReaderError):
        reason, mend = "not YAML: a control character", "remove it"
    for known, said, advice in _PROBLEMS:
        if known in problem:
            reason, mend = f"not YAML: {said}", advice
    line = [*text.splitlines(), ""][place.line - 1 : place.line]
    if "cannot start any token" in problem and line:
        sign = line[0][place.column - 1 : place.column]
        reason, mend = f"not YAML: nothing can begin with `{sign}`", "put the text in quotes"
        if sign == "\t":
            reason, mend = "not YAML: a tab", "indent with spaces"
    for number in (place.line, place.line - 1, place.line - 2):
        if "\u00a0" in "".join(text.splitlines()[max(number - 1, 0) : number]):
            mend = f"line {number} has a no-break space: type its blanks again"
    begun = getattr(error, "context_mark", None)
    if begun and begun.line + 1 < place.line - _NEAR:
        mend += f"; what is open here begins in line {begun.line + 1}: is a quote missing there?"
    end = place._replace(column=place.column + 1)
    return Lint("yaml", path, place, reason, mend, end=end)


# The parser's words, plainer ones, and the mend.
_PROBLEMS = (
    (
        "mapping values are not allowed",
        "a colon with a space after it, in text without quotes or at a wrong indentation",
        "put the text in quotes, or correct the indentation",
    ),
    ("tab character", "a tab", "indent with spaces"),
    ("unexpected end of stream", "a quote is not closed", "close it; it can begin far above"),
    (
        "could not find expected ':'",
        "a line without `key: value`",
        "write a space after the colon; or check this line and those above it",
    ),
    (
        "did not find expected key",
        "something follows a value or a key, or the indentation is wrong",
        "check indentation and quotes; in single quotes write '' for '",
    ),
    (
        "did not find expected '-' indicator",
        "a line with another indentation than the items of the list above it",
        "begin the line in the column of the key that it belongs to",
    ),
    (
        "did not find expected ',' or '}'",
        "braces that are not closed, or something between two values",
        "write a comma between two keys, and } at the end",
    ),
    (
        "did not find expected ',' or ']'",
        "a list that is not closed, or something between two values",
        "write a comma between two items, and ] at the end",
    ),
    ("undefined alias", "an alias without its anchor", "put text that begins with * in quotes"),
    ("block sequence entries", "a list begins behind a key", "begin the list in the next line"),
    ("another document", "a second document after ---", "remove the line --- and what follows"),
)
