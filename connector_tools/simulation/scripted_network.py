"""A network that replies as the tests inside a mapping file say; it holds nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.schema import MappingFile
from connector.mapping.script import Replies, Script, SentRequest, fits
from connector.outcome import Outcome
from connector.system import Reply, System, Turn
from connector_tools.mapping_tests.scripted_system import ScriptedSystem
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference

Scripted = Mapping[str, Entry | tuple[Entry, ...]]


class AnyReply(Replies):
    """One of the replies that fit a request, by chance."""

    def __init__(self, systems: Sequence[Scripted], random: Random) -> None:
        self._systems = systems
        self._random = random

    def next_call(self) -> None:
        """See `Replies`."""

    def reply_to(self, request: SentRequest) -> Entry | None:
        """See `Replies`."""
        fitting = [found for system in self._systems for found in _fitting(system, request)]
        return self._random.choice(fitting) if fitting else None

    def problems(self) -> Iterator[str]:
        """See `Replies`; a reply that is not used is no mistake here."""
        yield from ()


def _fitting(system: Scripted, request: SentRequest) -> tuple[Entry, ...]:
    """The replies of the first key that fits."""
    for key, replies in system.items():
        if fits(key, request):
            return replies if isinstance(replies, tuple) else (replies,)
    return ()


class ScriptedNetwork:
    """See `world.ObservedNetwork`. Without faults it gives the replies of good tests only."""

    def __init__(self, mapping: MappingFile, random: Random) -> None:
        self.faults = Faults({})
        self.met: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.not_promised: list[str] = []
        self.requests = 0
        good = [case.system for case in mapping.tests if case.outcome is Outcome.APPLIED]
        steps = [step.system for story in mapping.stories for step in story.steps]
        rest = [case.system for case in mapping.tests if case.system not in good]
        stories = [*(story.system for story in mapping.stories), *steps]
        self._any = AnyReply([*good, *stories, *rest], random)
        self._good = AnyReply(good, random)

    @property
    def replies(self) -> AnyReply:
        """The replies to choose from now."""
        return self._any if self.faults.rates else self._good

    async def outage(self, begins: bool) -> None:
        """Never called: see `scripted_world.FAULTS`."""

    async def rotate(self) -> None:
        """Never called: see `scripted_world.FAULTS`."""

    def differences(self, billing: Billing) -> list[Difference]:
        """No differences, because nothing is held."""
        return []


class ScriptedClient(ScriptedSystem):
    """A client of an instance: each call may get any reply of the network."""

    def __init__(self, network: ScriptedNetwork, system: System, script: Script) -> None:
        super().__init__(system, script)
        self._network = network

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System`."""
        self._network.requests += 1
        self._script.begin(self._network.replies)
        return await super().send(call, turn)
