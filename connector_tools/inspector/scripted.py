"""A system for a mapping file without a counterpart: it replies as the file's tests say."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.schema import MappingFile
from connector.mapping.script import ExpectedCall, Replies, Script, SentRequest, fits
from connector.outcome import Outcome
from connector.system import Reply, Turn
from connector_tools.mapping_tests.scripted_system import ScriptedSystem

_NUMBER = re.compile(r"[0-9]{6,}")


def settings_of_tests(mapping: MappingFile) -> dict[str, str]:
    """The settings that the file's tests give, each as the first test gives it, by name."""
    found: dict[str, str] = {}
    for case in mapping.tests:
        if case.outcome is Outcome.APPLIED:
            for name, value in case.settings.items():
                found.setdefault(name, str(value))
    return found


class AsTests(Replies):
    """The reply that a test of the file gives to the same request; tests that succeed come first.

    It is found by a key under `system`, or by an entry of `calls` that the request fulfils. If none
    fits, long numbers count as equal: a test is about one subscriber, and stands for all.
    """

    def __init__(self, mapping: MappingFile) -> None:
        good = [case for case in mapping.tests if case.outcome is Outcome.APPLIED]
        steps = [step for story in mapping.stories for step in story.steps]
        systems = [case.system for case in good]
        systems += [step.system for step in steps]
        systems += [story.system for story in mapping.stories]
        keyed = [pair for system in systems for pair in system.items()]
        self._keyed = [(key, one[-1] if isinstance(one, tuple) else one) for key, one in keyed]
        self._pairs = [
            pair for case in good for pair in zip(case.calls, case.replies, strict=False)
        ]
        self._named = [(key, one) for call, one in self._pairs for key in _names(call)]

    def next_call(self) -> None:
        """See `Replies`."""

    def reply_to(self, request: SentRequest) -> Entry | None:
        """See `Replies`; of several the most frequent, because the others are special cases.

        A break of the connection is none that every request should meet.
        """
        for fitting in (self._by_call(request), self._by_shape(request)):
            if found := [one for one in fitting if getattr(one, "fault", None) is None]:
                texts = [reply.model_dump_json() for reply in found]
                return found[texts.index(Counter(texts).most_common(1)[0][0])]
        return None

    def _by_call(self, request: SentRequest) -> list[Entry]:
        return [
            reply
            for expected, reply in self._pairs
            if expected.names_method and not list(request.differences(expected))
        ]

    def _by_shape(self, request: SentRequest) -> list[Entry]:
        pairs = (*self._keyed, *self._named)
        return [reply for key, reply in pairs if fits(_NUMBER.sub("*", key), request)]

    def problems(self) -> Iterator[str]:
        """See `Replies`; a reply that is not used is no mistake here."""
        yield from ()


def _names(call: ExpectedCall) -> Iterator[str]:
    """Yield the names that the request of an entry of `calls` can have, such as `GET /cards`."""
    for name, value in call.model_dump(exclude_unset=True).items():
        if isinstance(value, str) and name not in ("subject", "value", "filter", "text", "xml"):
            method = name.removeprefix("ldap_").removeprefix("ctrl_").upper()
            yield from (value, f"{method} {value}")


class Scripted(ScriptedSystem):
    """A `System` of scripted replies. What no test knows gets the protocol's usual success."""

    def __init__(self, mapping: MappingFile, values: Mapping[str, Any]) -> None:
        script = Script(mapping.protocol.scripted_reply())
        super().__init__(mapping.protocol.scripted(mapping.system, values, script), script)
        self._replies = AsTests(mapping)

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System`."""
        self._script.begin(self._replies)
        return await super().send(call, turn)
