"""A token endpoint of a stand-in: it takes signed assertions and gives sessions (RFC 7523)."""

from dataclasses import dataclass, field
from secrets import token_hex

from google.auth import jwt

from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest
from connector_tools.made_up_key import made_up_key, new_key

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"
_LONGEST = 3600  # seconds from `iat` to `exp`


class AssertionRefused(Exception):  # noqa: N818 - an answer to the caller, not an error of ours
    """The endpoint gives no token; `reply` says why in the words of OAuth2."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(why)
        self.reply = HttpReply(400, {"error": error, "error_description": why})


@dataclass(slots=True)
class TokenEndpoint:
    """Gives a token for an assertion with these claims, signed with the present `key`.

    `claims` are those that an assertion must have, such as `iss`, with their values. `longest` is
    its longest life in seconds. `key` is in PEM format, with its certificate. `given` counts the
    tokens.
    """

    claims: dict[str, str]
    longest: int = _LONGEST
    key: str = field(default_factory=made_up_key, repr=False)
    tokens: set[str] = field(default_factory=set, repr=False)
    given: int = 0
    _used: set[str] = field(default_factory=set, repr=False)

    def token(self, request: HttpRequest) -> str:
        """A new token for the assertion in a request.

        Raises:
            AssertionRefused: the request or its assertion is not as it must be.
        """
        form = request.form
        if not request.headers.get("content-type", "").startswith(_FORM):
            raise AssertionRefused("invalid_request", "the body must be a form")
        if form.get("grant_type") != _GRANT:
            raise AssertionRefused("unsupported_grant_type", "grant type not supported")
        self._check(form.get("assertion", ""))
        token = token_hex(20)
        self.tokens.add(token)
        self.given += 1
        return token

    def knows(self, request: HttpRequest) -> bool:
        """Whether a request has a token that has not ended."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind == "Bearer" and token in self.tokens

    def end_sessions(self) -> None:
        """End all tokens."""
        self.tokens.clear()

    def rotate(self) -> str:
        """Trust only a new key from now on, and end all tokens; returns the key."""
        self.key = new_key()
        self.end_sessions()
        return self.key

    def _check(self, assertion: str) -> None:
        try:
            found = jwt.decode(assertion, certs=self.key)  # type: ignore[no-untyped-call]
        except ValueError:  # signature, form, `iat` or `exp`; the text may quote the assertion
            raise AssertionRefused("invalid_grant", "invalid assertion") from None
        for name, value in self.claims.items():
            if found.get(name) != value:
                raise AssertionRefused("invalid_grant", f"invalid {name}")
        if found["exp"] - found["iat"] > self.longest:
            raise AssertionRefused("invalid_grant", "exp is too late")
        if found.get("jti") in self._used:
            raise AssertionRefused("invalid_grant", "the assertion was used before")
        self._used.add(found.get("jti"))
