"""Whether a statement that is carried out a second time leaves the same rows.

`connector check` asks; nothing is sent because of it. Where the text does not show it, the answer
is no: for `call` and `merge`, for an `insert` that says nothing about a row that exists, and for a
column that is computed from itself, as in `set n = n + 1`.
"""

from collections.abc import Iterator

from connector.systems.sql.statement import Word, words_of

_ENDS = ("where", "from", "returning", "on")  # the end of the assignments of `set`
_NEW_ROW = ("excluded", "new")  # `excluded.n` is the value of the statement, not of the table


def repeats_harmlessly(text: str) -> bool:
    """Whether the statement sets a state: with the same parameters, it may be sent again."""
    words = list(words_of(text))
    names = [word.text for word in words]
    match names[0]:
        case "delete":
            return "limit" not in names
        case "replace":
            return True
        case "update":
            return (
                "limit" not in names and "set" in names and _sets(words[names.index("set") + 1 :])
            )
        case "insert":
            return _insert(words, names)
    return False


def _insert(words: list[Word], names: list[str]) -> bool:
    """Whether an `insert` says what happens to a row that exists, and that is a state."""
    if "ignore" in names[1:2]:
        return True
    for first, second in (("on", "conflict"), ("on", "duplicate"), ("not", "exists")):
        at = next((i for i in range(len(names)) if names[i : i + 2] == [first, second]), None)
        if at is None:
            continue
        if second == "exists" or "nothing" in names[at:]:
            return True
        start = "set" if second == "conflict" else "update"
        return start in names[at:] and _sets(words[names.index(start, at) + 1 :])
    return False


def _sets(words: list[Word]) -> bool:
    """Whether no column of these assignments is computed from a column that they change."""
    changed: set[str] = set()
    read: set[str] = set()
    for left, right in _assignments(words):
        changed.update(left)
        read.update(right)
    return bool(changed) and changed.isdisjoint(read)


def _assignments(words: list[Word]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the columns of each assignment, and the columns that its value reads."""
    left: list[str] = []
    right: list[str] = []
    assigned = False
    base = words[0].depth if words else 0
    for index, word in enumerate(words):
        if word.depth == base and word.text in _ENDS:
            break
        if word.depth == base and word.text == ",":
            yield left, right
            left, right, assigned = [], [], False
        elif word.depth == base and word.text == "=" and not assigned:
            assigned = True
        elif word.is_name and not assigned:
            left.append(word.text)
        elif word.is_name and not _of_new_row(words[:index]):
            right.append(word.text)
    yield left, right


def _of_new_row(before: list[Word]) -> bool:
    """Whether a name is after `excluded.` or `values(`."""
    last = [word.text for word in before[-2:]]
    return last in [[row, "."] for row in _NEW_ROW] or last == ["values", "("]
