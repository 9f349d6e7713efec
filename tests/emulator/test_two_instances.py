"""Two functions that share a Firestore ledger, one of which is killed."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.doors.test_concurrency import numbered, overlaps
from tests.emulator.firestore import shared
from tests.support.events import subscriber
from tests.support.function import Function, environment
from tests.support.scripted import Scripted, ScriptedServer

pytestmark = pytest.mark.deployment


@pytest.fixture
def instances(system: ScriptedServer, tmp_path: Path) -> Iterator[tuple[Function, Function]]:
    env = environment(
        system.url,
        LEDGER_URL=f"firestore:?project=p{uuid4().hex[:12]}",
        HASH_KEY="key",
        EVENT_BUDGET="20",
        FIRESTORE_EMULATOR_HOST=shared().address,
    )
    with Function(tmp_path / "one", env) as one, Function(tmp_path / "two", env) as two:
        yield one, two


def test_two_instances_never_overlap_and_apply_no_event_twice(
    instances: tuple[Function, Function], system: ScriptedServer
) -> None:
    system.default = Scripted(delay=0.03)
    events = numbered(subscriber(1), 10) * 2  # each event goes to both instances
    random.Random(3).shuffle(events)  # noqa: S311 - it chooses an order, not a secret
    with ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(instances[n % 2].post, event) for n, event in enumerate(events)]
        assert {post.result().status_code for post in posts} == {202}
    assert overlaps(system.requests) == 0
    applied = [request.json["cs_profile"] for request in system.requests]
    assert len(applied) == len(set(applied)), "an event was applied twice"
    assert applied[-1] == "state-9"


def test_the_subject_of_a_killed_instance_stays_held_until_its_lease_expires(
    instances: tuple[Function, Function], system: ScriptedServer
) -> None:
    one, two = instances
    event, later = numbered(subscriber(2), 2)
    system.script(Scripted(delay=5))
    with ThreadPoolExecutor(1) as pool:
        post = pool.submit(one.post, event)
        system.wait_for(1)
        one.kill()
        with pytest.raises(httpx.TransportError):
            post.result()
    answer = two.post(later)
    assert answer.status_code == 503, "the killed instance still holds the subject"
    assert int(answer.headers["retry-after"]) > 1
    assert len(system.requests) == 1
