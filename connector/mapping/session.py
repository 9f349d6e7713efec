"""The name `session` in expressions: values that a login gave, or that are made for each request.

The plan is made before the login, so it has `***` in their places. The client of the protocol
computes the call again with the real values (docs/decisions/0032-session-values.md).
"""

SESSION = "session"
"""The name by which expressions read the values of a session."""

HIDDEN = "***"
"""The text that people see in place of a secret."""


class _Unknown(dict[str, str]):
    """A session whose values are not known yet: each of them is `***`."""

    def get(self, name: str, default: object = None) -> str:
        return HIDDEN


UNKNOWN_SESSION = _Unknown()
