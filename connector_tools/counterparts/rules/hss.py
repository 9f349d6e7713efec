"""The rules of an HSS with a REST API, whose subscribers consist of several resources; no I/O.

It is nobody's product. It has the habits of real ones that make it hard to keep in step:

    /auc/{imsi}                    GET. Keys, which another system provisions
    /subscribers                   POST: state, services, speed, roaming. The HSS makes the `id`
                                   GET: the IMSIs of all, with their states
    /subscribers/{imsi}            GET, PATCH, DELETE
    /numbers/{imsi}                GET, PUT {msisdn}, DELETE
    /policies/{id of subscriber}   GET, PUT {plan, eps, ...}, DELETE. A PUT replaces all fields

- A subscriber needs keys (404 without them). A number and a policy need a subscriber (404), which
  cannot be deleted while it has one (409 `in use`).
- A number belongs to one subscriber: while another one has it, it is refused (409 `taken`).
- `speed` is given as a number and shown as text. `roaming` is not shown while it is true.
- A PUT of a policy names the `revision` that it replaces; another one is refused (412).
- An unknown attribute and a value of a wrong type are refused (422). A refused request changes
  nothing, and no refusal repeats a value of the request.

Other programs write `note` and `portal` of a subscriber, and `tags` of a policy: `write_foreign`.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

JsonObject = dict[str, Any]
SERVICES = ("voice", "sms", "data")
_FOREIGN = {"subscribers": ("note", "portal"), "policies": ("tags",)}


class HssReply(NamedTuple):
    """An answer of the HSS: an HTTP status and a JSON document, None for no body."""

    status: int
    document: Any = None


class RequestRefused(Exception):  # noqa: N818 - not an error of ours: an answer to the caller
    """The HSS refuses a request with a status and an error."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.reply = HssReply(status, {"error": error})


@dataclass(slots=True)
class Subscriber:
    """All that the HSS holds for an IMSI; `fields` and `policy` are as they were written."""

    id: str
    fields: JsonObject = field(repr=False)
    number: str | None = field(default=None, repr=False)
    policy: JsonObject | None = field(default=None, repr=False)


class Hss:
    """The subscribers of one network. `keys` are the IMSIs that have keys."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.subscribers: dict[str, Subscriber] = {}
        self._made = 0

    def handle(self, method: str, path: str, body: Any = None) -> HssReply:
        """Carry out one request in full, or refuse it and change nothing."""
        kind, _, name = path.strip("/").partition("/")
        try:
            return self._routes()[method, kind](name, body)
        except KeyError:
            return HssReply(405, {"error": "no such method or path"})
        except RequestRefused as refused:
            return refused.reply

    def imsi_of(self, path: str, body: Any = None) -> str:
        """The subscriber that a request is about; empty if there is none."""
        kind, _, name = path.strip("/").partition("/")
        if kind == "policies":
            return next((imsi for imsi, one in self.subscribers.items() if one.id == name), "")
        return name or str(body.get("imsi", "") if isinstance(body, dict) else "")

    def foreign(self, imsi: str) -> JsonObject:
        """A copy of the fields that other programs write, by the id of their record."""
        one = self.subscribers.get(imsi)
        if one is None:
            return {}
        parts = {f"subscriber {one.id}": _foreign("subscribers", one.fields)}
        if one.policy is not None:
            parts[f"policy {one.id}"] = _foreign("policies", one.policy)
        return deepcopy(parts)

    def write_foreign(self, imsi: str, fields: JsonObject, tags: list[str]) -> None:
        """Write as another program: fields of the subscriber, and the tags of its policy."""
        one = self.subscribers[imsi]
        one.fields |= fields
        if one.policy is not None:
            one.policy |= {"tags": tags, "revision": one.policy["revision"] + 1}

    def _routes(self) -> dict[tuple[str, str], Callable[[str, Any], HssReply]]:
        return {
            ("GET", "auc"): self._get_keys,
            ("POST", "subscribers"): self._create,
            ("GET", "subscribers"): self._get,
            ("PATCH", "subscribers"): self._change,
            ("DELETE", "subscribers"): self._delete,
            ("GET", "numbers"): self._get_number,
            ("PUT", "numbers"): self._put_number,
            ("DELETE", "numbers"): self._delete_number,
            ("GET", "policies"): self._get_policy,
            ("PUT", "policies"): self._put_policy,
            ("DELETE", "policies"): self._delete_policy,
        }

    def _get_keys(self, imsi: str, body: Any) -> HssReply:
        if imsi not in self.keys:
            raise RequestRefused(404, "no keys")
        return HssReply(200, {"algorithm": "milenage"})

    def _create(self, _: str, body: Any) -> HssReply:
        given = _object(body)
        imsi = given.pop("imsi", None)
        if not (isinstance(imsi, str) and len(imsi) == 15 and imsi.isdigit()):
            raise RequestRefused(422, "imsi must be 15 digits")
        _check(given, _SUBSCRIBER)
        if imsi not in self.keys:
            raise RequestRefused(404, "no keys")
        if imsi in self.subscribers:
            raise RequestRefused(409, "exists")
        self._made += 1
        fields = {"state": "barred", "services": [], "speed": 0, "roaming": True} | given
        self.subscribers[imsi] = Subscriber(f"s-{self._made}", fields)
        return HssReply(201, self._shown(imsi))

    def _get(self, imsi: str, body: Any) -> HssReply:
        if not imsi:
            every = self.subscribers.items()
            return HssReply(
                200, [{"imsi": name, "state": one.fields["state"]} for name, one in every]
            )
        self._known(imsi)
        return HssReply(200, self._shown(imsi))

    def _change(self, imsi: str, body: Any) -> HssReply:
        given, one = _object(body), self._known(imsi)
        _check(given, _SUBSCRIBER)
        one.fields |= given
        return HssReply(200, self._shown(imsi))

    def _delete(self, imsi: str, body: Any) -> HssReply:
        one = self._known(imsi)
        if one.number or one.policy is not None:
            raise RequestRefused(409, "in use")
        del self.subscribers[imsi]
        return HssReply(204)

    def _get_number(self, imsi: str, body: Any) -> HssReply:
        number = self._known(imsi).number
        if number is None:
            raise RequestRefused(404, "no number")
        return HssReply(200, {"msisdn": number})

    def _put_number(self, imsi: str, body: Any) -> HssReply:
        given, one = _object(body), self._known(imsi)
        _check(given, {"msisdn": lambda value: isinstance(value, str) and value.isdigit()})
        if self.holder(given.get("msisdn")) not in (None, imsi):
            raise RequestRefused(409, "taken")
        one.number = given["msisdn"]
        return HssReply(200, given)

    def holder(self, number: str | None) -> str | None:
        """The IMSI that has this number."""
        found = (imsi for imsi, one in self.subscribers.items() if one.number == number)
        return next(found, None) if number else None

    def _delete_number(self, imsi: str, body: Any) -> HssReply:
        one = self._known(imsi)
        if one.number is None:
            raise RequestRefused(404, "no number")
        one.number = None
        return HssReply(204)

    def _get_policy(self, name: str, body: Any) -> HssReply:
        policy = self._named(name).policy
        if policy is None:
            raise RequestRefused(404, "no policy")
        return HssReply(200, deepcopy(policy))

    def _put_policy(self, name: str, body: Any) -> HssReply:
        given, one = _object(body), self._named(name)
        _check(given, _POLICY)
        now = one.policy["revision"] if one.policy is not None else None
        if given.get("revision") != now:
            raise RequestRefused(412, "another revision")
        one.policy = {"tags": []} | given | {"revision": (now or 0) + 1}
        return HssReply(200, deepcopy(one.policy))

    def _delete_policy(self, name: str, body: Any) -> HssReply:
        one = self._named(name)
        if one.policy is None:
            raise RequestRefused(404, "no policy")
        one.policy = None
        return HssReply(204)

    def _shown(self, imsi: str) -> JsonObject:
        one = self.subscribers[imsi]
        shown = {"id": one.id, "imsi": imsi} | deepcopy(one.fields)
        shown["speed"] = str(shown["speed"])
        if shown["roaming"]:
            del shown["roaming"]
        return shown

    def _known(self, imsi: str) -> Subscriber:
        if imsi not in self.subscribers:
            raise RequestRefused(404, "no subscriber")
        return self.subscribers[imsi]

    def _named(self, name: str) -> Subscriber:
        for one in self.subscribers.values():
            if one.id == name:
                return one
        raise RequestRefused(404, "no subscriber")


def _foreign(kind: str, record: JsonObject) -> JsonObject:
    return {name: record.get(name) for name in _FOREIGN[kind]}


def _object(body: Any) -> JsonObject:
    if not isinstance(body, dict):
        raise RequestRefused(422, "the body must be an object")
    return dict(body)


def _check(given: JsonObject, known: Mapping[str, Callable[[Any], bool]]) -> None:
    for name, value in given.items():
        if name not in known or not known[name](value):
            raise RequestRefused(422, "unknown attribute or wrong value")


def _is_services(value: Any) -> bool:
    return isinstance(value, list) and len(set(value)) == len(value) and set(value) <= {*SERVICES}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_SUBSCRIBER: dict[str, Callable[[Any], bool]] = {
    "state": lambda value: value in ("active", "barred"),
    "services": _is_services,
    "speed": lambda value: type(value) is int,
    "roaming": lambda value: isinstance(value, bool),
}
_POLICY: dict[str, Callable[[Any], bool]] = {
    "plan": _is_text,
    "eps": _is_text,
    "tags": lambda value: isinstance(value, list),
    "revision": lambda value: type(value) is int,
}
