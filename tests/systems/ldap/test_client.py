"""The client, with a real slapd."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.mapping.expression import EvaluationError
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End
from connector.systems.ldap.call import LdapCall
from connector.systems.ldap.entry import LdapSystemEntry
from connector.systems.ldap.outcomes import CREDENTIALS
from connector.systems.ldap.protocol import PROTOCOL
from connector_tools.counterparts.hss_ldap import BASE, USER, HssLdap
from tests.support.certificates import Authority
from tests.support.ldap import IMSI, NAME, NUMBER, add, call, client, running, search, send
from tests.support.names import silence
from tests.support.peer import Loop, on_both_loops, run

TEXTS, LISTS = ["imsi", "MSISDN", "hssBarred"], ["hssVisited"]


@pytest.fixture
def hss(tmp_path: Path) -> Iterator[HssLdap]:
    with running(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HssLdap]:
    with running(tmp_path_factory.mktemp("slapd")) as found:
        yield found


def modify(**keys: Any) -> LdapCall:
    return call(ldap_modify=NAME, **keys)


DELETE = call(ldap_delete=NAME)


@on_both_loops
def test_an_entry_is_added_read_changed_and_deleted(hss: HssLdap, loop: Loop) -> None:
    async def calls() -> None:
        async with client(hss) as system:
            assert (await send(system, search())).outcome is Outcome.UNKNOWN_RESOURCE
            made = await send(system, add(msisdn=NUMBER, hssVisited=["a", "b"]))
            assert (made.outcome, made.seen["entries"]) == (Outcome.APPLIED, None)
            found = await send(system, search(texts=TEXTS, lists=LISTS))
            entry = {"dn": f"{NAME},{BASE}", "imsi": IMSI, "MSISDN": NUMBER, "hssBarred": "FALSE"}
            assert found.seen["entry"] == {**entry, "hssVisited": ["a", "b"]}
            await send(system, modify(replace={"msisdn": None, "hssVisited": ["c"]}))
            found = await send(system, search(texts=TEXTS, lists=LISTS))
            assert found.seen["entry"] == {**entry, "MSISDN": None, "hssVisited": ["c"]}
            assert (await send(system, DELETE)).outcome is Outcome.APPLIED

    run(loop, calls)


async def test_values_are_added_and_deleted_one_by_one(hss: HssLdap) -> None:
    async with client(hss) as system:
        await send(system, add(hssVisited=["a", "b"]))
        change = modify(add={"hssVisited": "c"}, delete={"hssVisited": "a"})
        assert (await send(system, change)).outcome is Outcome.APPLIED
        found = await send(system, search(lists=LISTS))
        assert found.seen["entry"]["hssVisited"] == ["b", "c"]
        assert (await send(system, change)).seen["name"] == "attributeOrValueExists"


async def test_an_assertion_makes_a_change_conditional(hss: HssLdap) -> None:
    async with client(hss) as system:
        await send(system, add(msisdn=NUMBER))
        fits, fits_not = f"(&(msisdn={NUMBER})(!(hssBarred=TRUE)))", "(hssVisited=*)"
        refused = await send(system, modify(replace={"hssBarred": True}, **{"assert": fits_not}))
        assert (refused.outcome, refused.seen["code"]) == (Outcome.FAILED, 122)
        done = await send(system, modify(replace={"hssBarred": True}, **{"assert": fits}))
        assert done.outcome is Outcome.APPLIED
        kept = await send(system, replace(DELETE, assertion=fits))
        assert kept.seen["code"] == 122


@pytest.mark.parametrize(
    ("wanted", "code", "outcome"),
    [
        (add(), 68, Outcome.FAILED),
        (modify(replace={"nosuch": "x"}), 17, Outcome.REJECTED),
        (modify(replace={"msisdn": "x"}), 21, Outcome.REJECTED),
        (modify(replace={"hssBarred": None}), 65, Outcome.REJECTED),
        (modify(replace={"hssBarred": [True, False]}), 19, Outcome.FAILED),
        (modify(replace={"imsi": "2"}), 64, Outcome.REJECTED),
        (modify(delete={"msisdn": "1"}), 16, Outcome.FAILED),
        (call(ldap_delete="imsi=9"), 32, Outcome.UNKNOWN_RESOURCE),
        (replace(add(), dn=f"{NAME},ou=no"), 32, Outcome.UNKNOWN_RESOURCE),
        (call(ldap_search="imsi=9", accept=[32]), 32, Outcome.APPLIED),
        (call(ldap_delete="imsi=x\\FF"), 34, Outcome.REJECTED),
    ],
)
async def test_each_refusal_has_an_outcome(
    shared: HssLdap, wanted: LdapCall, code: int, outcome: Outcome
) -> None:
    async with client(shared) as system:
        await send(system, replace(add(), accept=frozenset({68})))
        reply = await send(system, wanted)
    assert (reply.seen["code"], reply.outcome, reply.end) == (code, outcome, End.ANSWERED)


async def test_a_number_belongs_to_one_subscriber(hss: HssLdap) -> None:
    other = replace(add(msisdn=NUMBER), dn="imsi=1")
    other = replace(other, attributes=tuple(one for one in other.attributes if one.name != "imsi"))
    async with client(hss) as system:
        await send(system, add(msisdn=NUMBER))
        assert (await send(system, other)).seen["name"] == "constraintViolation"


async def test_what_the_user_may_not_do_is_said(hss: HssLdap) -> None:
    async with client(hss, base="") as system:
        reply = await send(system, call(ldap_modify=USER, replace={"cn": "x"}))
    assert (reply.seen["code"], reply.outcome, reply.refused) == (50, Outcome.FAILED, False)


async def test_a_search_finds_several_entries_up_to_its_limit(hss: HssLdap) -> None:
    async with client(hss) as system:
        for number in range(3):
            keys = {"objectClass": "hssSubscriber", "hssBarred": number == 0, "imsi": str(number)}
            await send(system, call(ldap_add=f"imsi={number}", attributes=keys))
        wanted: dict[str, Any] = {"ldap_search": "", "scope": "one", "filter": "(hssBarred=FALSE)"}
        found = await send(system, call(**wanted, texts=["imsi"]))
        assert sorted(entry["imsi"] for entry in found.seen["entries"]) == ["1", "2"]
        assert found.seen["entry"] is None
        limited = await send(system, call(**wanted, limit=1))
        assert (limited.outcome, limited.seen["entries"]) == (Outcome.FAILED, None)


async def test_an_attribute_with_several_values_is_not_read_as_one(hss: HssLdap) -> None:
    async with client(hss) as system:
        await send(system, add(hssVisited=["a", "b"]))
        reply = await send(system, search(texts=["hssVisited"]))
    assert (reply.outcome, reply.cause) == (
        Outcome.FAILED,
        "`hssVisited` has several values: read it under `lists`",
    )


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
HOSTILE = ["*)(objectClass=*", "a,ou=b", '"+;<>\\#', " x ", "..", "a\nb\r", "\0", "é" * 500, "#1"]
at_slapd = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@at_slapd
@given(value=TEXT | st.sampled_from(HOSTILE))
def test_any_text_in_a_name_a_filter_and_a_value_is_data_or_is_refused(
    shared: HssLdap, value: str
) -> None:
    """Nothing but the entry of this name is found, changed and deleted."""

    async def calls() -> None:
        names = {"v": value}
        keys = {"objectClass": ["organizationalRole"], "cn": value, "description": value}
        async with client(shared) as system:
            made = await send(system, call(names, ldap_add="cn={{ v }}", attributes=keys))
            if made.outcome is not Outcome.APPLIED:  # slapd does not take every text
                assert made.seen["code"] in {21, 34, 80}
                return
            found = await send(
                system,
                call(
                    names,
                    ldap_search="",
                    scope="one",
                    filter="(&(cn={{ v }})(description={{ v }}))",
                    texts=["cn", "description"],
                ),
            )
            assert found.seen["entry"]["cn"] == found.seen["entry"]["description"] == value
            gone = await send(system, call(names, ldap_delete="cn={{ v }}"))
            assert gone.outcome is Outcome.APPLIED
            others = await send(system, call(ldap_search="", scope="one", filter="(cn=*)"))
            assert others.seen["entries"] == []

    asyncio.run(calls())


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_data_is_sent_as_data_or_refused_by_us(value: str) -> None:
    try:
        made = call({"v": value}, ldap_delete="imsi={{ v }}")
    except EvaluationError:
        return
    assert "," not in made.dn


@pytest.mark.parametrize("value", [*HOSTILE, "*", "😀", "x" * 5000, "a\\,ou=b", "+cn=b", "#04"])
async def test_a_member_is_the_entry_of_this_name_whatever_its_name(
    shared: HssLdap, value: str
) -> None:
    names, member = {"v": value}, "cn={{ v | dn_encode }},ou=people,dc=operator,dc=example"
    group = {"objectClass": "groupOfNames", "cn": "g", "member": "cn=first,dc=example"}
    async with client(shared) as system:
        await send(system, call(ldap_add="cn=g", attributes=group))
        made = await send(system, call(names, ldap_modify="cn=g", add={"member": member}))
        assert made.outcome is Outcome.APPLIED
        found = await send(
            system,
            call(names, ldap_search="cn=g", filter=f"(member={member})", lists=["member"]),
        )
        (added,) = set(found.seen["entry"]["member"]) - {"cn=first,dc=example"}
        assert re.sub(r"\\\\.", "", added).count(",") == 3, "the value has ended the name"
        gone = await send(system, call(names, ldap_modify="cn=g", delete={"member": member}))
        assert gone.outcome is Outcome.APPLIED
        await send(system, call(ldap_delete="cn=g"))


# The life of a connection


class Rotated:
    """Gives the client newer secrets when it asks."""

    generation = 0

    def __init__(self, settings: dict[str, Any], newer: str) -> None:
        self.settings, self.newer = settings, newer

    async def renewed(self, since: int) -> bool:
        self.settings["password"] = self.newer
        self.generation += 1
        return True


async def test_newer_credentials_are_used_once_the_server_refuses_the_old_ones(
    hss: HssLdap,
) -> None:
    known = {"password": "old"}
    renewal = Rotated(known, hss.password)
    async with client(hss, known, renewal, password="=settings.password") as system:
        assert (await send(system, add())).outcome is Outcome.APPLIED
    assert renewal.generation == 1


async def test_refused_credentials_are_said_and_nothing_was_sent(hss: HssLdap) -> None:
    async with client(hss, password="wrong") as system:
        reply = await send(system, add())
    assert (reply.outcome, reply.reason, reply.end) == (Outcome.FAILED, CREDENTIALS, End.NOT_SENT)
    assert reply.cause == "the bind was refused: LDAP 49 invalidCredentials"
    assert "wrong" not in repr(reply)


async def test_a_request_is_not_taken_for_sent_while_the_connection_opens(hss: HssLdap) -> None:
    """The event has less time left than a connection may take."""
    with silence() as (host, port):
        async with client(hss, host=host, port=port, timeout="5s") as system:
            reply = await send(system, add(), budget=0.3)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)


async def test_without_a_password_nothing_starts(hss: HssLdap) -> None:
    written = {"ldap": {"host": "h", "bind_dn": USER, "password": "=settings.password"}}
    entry = LdapSystemEntry.model_validate(written)
    with pytest.raises(BadSettings, match="password: is missing"):
        PROTOCOL.client(entry, {"password": ""})


async def test_a_server_that_was_killed_between_two_calls_is_connected_again(
    hss: HssLdap,
) -> None:
    async with client(hss) as system:
        await send(system, add())
        hss.slapd.kill()
        await asyncio.sleep(0.1)  # until the end of the connection has arrived
        away = await send(system, search(texts=TEXTS))
        assert (away.outcome, away.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
        hss.slapd.start()
        found = await send(system, search(texts=TEXTS))
        assert found.seen["entry"]["imsi"] == IMSI


async def test_a_connection_that_the_server_closed_is_noticed(hss: HssLdap) -> None:
    hss.slapd.stop()
    hss.slapd.idle = 1
    hss.slapd.start()
    async with client(hss) as system:
        await send(system, search())
        await asyncio.sleep(2.5)
        made = await send(system, add())
    assert (made.outcome, made.attempts) == (Outcome.APPLIED, 1)


async def test_a_server_that_does_not_answer_may_still_do_it(hss: HssLdap) -> None:
    async with client(hss, timeout="2s") as system:
        await send(system, search())
        hss.slapd.suspend()
        reply = await send(system, add(), budget=0.3)
        hss.slapd.resume()
        assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.PENDING)
        assert (await send(system, search())).outcome in (
            Outcome.APPLIED,
            Outcome.UNKNOWN_RESOURCE,
        )


async def test_a_server_that_can_only_be_read_is_unavailable_for_changes(hss: HssLdap) -> None:
    hss.begin("read-only")
    async with client(hss) as system:
        assert (await send(system, add())).seen["code"] == 53
        assert (await send(system, search())).outcome is Outcome.UNKNOWN_RESOURCE
    hss.end()
    async with client(hss) as system:
        assert (await send(system, add())).outcome is Outcome.APPLIED


async def test_a_full_database_does_not_say_that_something_was_written(hss: HssLdap) -> None:
    hss.begin("full")
    async with client(hss) as system:
        made = []
        for number in range(30):
            keys = {"objectClass": "hssSubscriber", "imsi": str(number), "hssBarred": True}
            keys["hssVisited"] = "x" * 900
            made.append(await send(system, call(ldap_add=f"imsi={number}", attributes=keys)))
    last = made[-1]
    assert (last.outcome, last.seen["code"], last.end) == (Outcome.FAILED, 80, End.UNKNOWN)
    held = len(hss.holds())
    assert held == sum(reply.outcome is Outcome.APPLIED for reply in made)


async def test_many_calls_at_once_have_a_connection_each(hss: HssLdap) -> None:
    async with client(hss, timeout="5s") as system:
        found = await asyncio.gather(*(send(system, search()) for _ in range(40)))
    assert {reply.seen["code"] for reply in found} == {32}


# TLS


@pytest.mark.parametrize("way", ["starttls", "ldaps"])
@on_both_loops
def test_the_connection_is_encrypted(tmp_path: Path, way: str, loop: Loop) -> None:
    authority = Authority(tmp_path)
    with running(tmp_path, authority.certificate()) as hss:
        port = hss.slapd.tls_port if way == "ldaps" else hss.slapd.port
        pem, stranger = authority.path.read_text(), Authority(tmp_path, "stranger")

        async def calls() -> None:
            async with client(hss, tls=way, port=port, ca=pem, timeout="5s") as system:
                assert (await send(system, add())).outcome is Outcome.APPLIED
            untrusted = stranger.path.read_text()
            async with client(hss, tls=way, port=port, ca=untrusted, timeout="5s") as system:
                reply = await send(system, search())
            assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
            assert reply.cause == "certificate is signed by an unknown authority"

        run(loop, calls)


async def test_a_server_without_tls_gets_no_password(hss: HssLdap) -> None:
    async with client(hss, tls="starttls", timeout="5s") as system:
        reply = await send(system, search())
    assert (reply.outcome, reply.end) == (Outcome.FAILED, End.NOT_SENT)
    assert "StartTLS was refused" in (reply.cause or "")
