r"""JSON from others to Python values: events of NSPS, replies of external systems.

JSON can hold half of a surrogate pair (`"\ud83d"`): a sender that cuts text in the middle of an
emoji writes one. Most readers take it; pydantic's does not.
"""

import json
import re
from typing import Any

from pydantic_core import from_json

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_BOM = "\ufeff"


def read_json(body: bytes | str) -> Any:
    """Read a JSON document; text in it can have half of a surrogate pair.

    A byte order mark in front is ignored. `mapping.text` refuses half of a pair where it would be
    sent. `event.parse` calls it for events, the HTTP client for replies.

    Raises:
        ValueError: the body is not JSON, or is nested more than 200 levels deep; the error names
            the position.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        text = body if isinstance(body, str) else body.decode(errors="surrogateescape")
        text = text.removeprefix(_BOM)
        whole = _SURROGATE.sub(r"\\ufffd", text).encode(errors="surrogateescape")
        found = from_json(whole, allow_inf_nan=False)  # raises the error that remains
    # The escape of half a pair is text as json.loads reads it: what else is wrong was found above.
    return json.loads(text) if _SURROGATE.search(text) else found
