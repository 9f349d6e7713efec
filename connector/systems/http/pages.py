"""The entry `pages` of a call: a look-up whose reply comes in pages."""

import re
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from connector.mapping.entry import AnyText, AnyValue, Entry
from connector.mapping.expression import EvaluationError, Scope, formed
from connector.mapping.text import optional_text, texts_of

_PATH = re.compile(r"/(?!/)[!-\"$-~]*")  # printable ASCII without blanks and without #


class NextPage(NamedTuple):
    """Where the next page is: another `path`, or the same one with these query parameters."""

    path: str | None
    query: dict[str, tuple[str, ...]]


class Pages(Entry):
    """How the pages of a look-up are read. Expressions read `reply`, the reply with one page."""

    items: AnyValue = Field(description="The list in a reply.")
    next: dict[str, AnyValue] | AnyText = Field(
        description="Query parameters of the next page, or its path; none on the last page."
    )
    most: Annotated[int, Field(ge=1, le=100)] = Field(
        20, description="If there are more pages, the call has failed."
    )

    def found(self, scope: Scope) -> list[Any]:
        """The items of a page; `scope` has its `reply`.

        Raises:
            EvaluationError: the reply has no list.
        """
        items = self.items.evaluate(scope)
        if not isinstance(items, list | tuple):
            raise EvaluationError("`pages.items` is not a list")
        return list(items)

    def following(self, scope: Scope) -> NextPage | None:
        """Where the next page is; None after the last page.

        Raises:
            EvaluationError: it cannot be computed, or it is not a path of this system.
        """
        if isinstance(self.next, dict):
            query = {name: formed(value, scope, texts_of) for name, value in self.next.items()}
            return NextPage(None, query) if any(query.values()) else None
        path = formed(self.next, scope, optional_text)
        if path is None:
            return None
        if not _PATH.fullmatch(path):
            raise EvaluationError("`pages.next` is not a path that starts with /")
        return NextPage(path, {})
