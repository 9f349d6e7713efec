"""The rules for the tokens of NSPS and the key of the hashes."""

from hypothesis import example, given
from hypothesis import strategies as st

from connector import tokens
from connector.doors.http import authorized


@given(st.lists(st.text(max_size=30), max_size=3))
@example(["\u00a0token-with-a-blank"])
@example(["one,\ttwo\r\n", "three"])
def test_each_token_of_a_start_can_be_sent_and_is_accepted(values: list[str]) -> None:
    found = tokens.split(values)
    if list(tokens.token_problems(found, deployed=False)):
        return
    assert found
    for token in found:
        header = f"Bearer {token}"
        assert header.encode("ascii").decode().strip() == header
        assert authorized(header, found)


@given(st.lists(st.text("ab", min_size=1, max_size=20), min_size=1, max_size=3))
def test_a_deployment_refuses_what_others_are_warned_of(values: list[str]) -> None:
    found = tokens.split(values)
    refused = list(tokens.token_problems(found, deployed=True))
    warned = list(tokens.notices(found, "a-key-of-enough-characters"))
    assert len(refused) == len(warned) == any(len(token) < 16 for token in found)
    assert list(tokens.token_problems(found, deployed=False)) == []


@given(st.text(max_size=30))
def test_no_message_repeats_a_token_or_a_key(text: str) -> None:
    secret = f"c0ffee{text}"
    found = tokens.split([secret])
    told = [
        *tokens.token_problems(found, deployed=True),
        *(text for _, text in tokens.notices(found, secret)),
    ]
    told += tokens.key_problems(secret, required=True)
    assert "c0ffee" not in "".join(told)
