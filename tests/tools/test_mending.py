"""`connector check --fix` makes only sure mends, keeps all else of a file, and then has no more."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.mapping.load import check_text
from connector_tools.mending import mend, mended
from tests.mapping.test_beginners import MISTAKES, TUTORIAL

PATH = Path("crm.yaml")
COMMENTED = TUTORIAL.replace("\nsettings:", "\n# what differs\nsettings:").replace(
    "idempotent: true", "idempotent: true   # twice is as once"
)


def clean(new: str) -> str:
    return new.replace("«", "").replace("»", "")


def with_mistakes(text: str, chosen: list[tuple[str, str, str, str]]) -> str:
    for old, new, *_ in chosen:
        text = text.replace(old, clean(new), 1)
    return text


@settings(suppress_health_check=list(HealthCheck), max_examples=15)
@given(st.lists(st.sampled_from(MISTAKES), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_a_mended_text_keeps_its_comments_and_is_not_mended_again(
    chosen: list[tuple[str, str, str, str]], end: str
) -> None:
    text = with_mistakes(COMMENTED, chosen).replace("\n", end)
    first = mended(text, PATH)
    assert mended(first.text, PATH) == (first.text, ())
    assert all(lint.guess or not lint.fix for lint in check_text(first.text, PATH)[1])
    assert first.text.count(end) == text.count(end)
    for comment in ("# what differs", "# twice is as once"):
        assert first.text.count(comment) == text.count(comment)
    lines = zip(text.split(end), first.text.split(end), strict=True)
    changed = {number for number, (old, new) in enumerate(lines, 1) if old != new}
    assert changed <= {lint.place.line for lint in first.fixed}


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        ("type: url}", "type: url} # a\n  limit: {env: L, default: 00101}", "default: 00101"),
        ("base_url", "url", "url: ="),
        ("=account.product_name", "=account.produkt_name", "produkt_name"),
        ("on: SIM/Updated", "on: SIM/Update", "SIM/Update\n"),
    ],
)
def test_a_guess_and_a_number_that_may_be_text_are_left_to_the_author(
    old: str, new: str, written: str
) -> None:
    text = TUTORIAL.replace(old, new, 1)
    assert mended(text, PATH).text == text
    assert written in text


def test_several_mistakes_are_mended_one_after_the_other(tmp_path: Path) -> None:
    names = ("unquoted", "placeholder", "missing-equals", "constant")
    chosen = [next(one for one in MISTAKES if one[2] == name) for name in names]
    extra = "auth: {bearer: settings.api_key}"
    text = with_mistakes(COMMENTED, chosen[1:2]).replace('because: "account', "because: account")
    text = text.replace('handler"', "handler").replace(
        "auth: {api_key: {header: X-Api-Key, value: =settings.api_key}}",
        f"timeout: 30 sec\n    {extra}",
    )
    file = tmp_path / "crm.yaml"
    file.write_text(text, encoding="utf-8")
    fixed = mend(file)
    after = file.read_text(encoding="utf-8")
    assert {lint.name for lint in fixed} >= {"unquoted", "placeholder", "constant"}
    assert check_text(after, file)[1] == []
    for line in (
        'because: "account_info is missing: add it to the required data of the NSPS handler"',
        "timeout: 30s",
        "auth: {bearer: =settings.api_key}",
        "status: =account.bill_status",
    ):
        assert line in after


def test_a_byte_order_mark_and_the_ends_of_lines_stay(tmp_path: Path) -> None:
    file = tmp_path / "crm.yaml"
    text = "\ufeff" + TUTORIAL.replace("=account.bill_status", "account.bill_status")
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert [lint.name for lint in mend(file)] == ["missing-equals"]
    expected = ("\ufeff" + TUTORIAL).replace("\n", "\r\n").encode()
    assert file.read_bytes() == expected


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "crm.yaml"
    assert mend(file) == ()
    file.write_bytes(b"name: \xff")
    assert mend(file) == ()
    assert file.read_bytes() == b"name: \xff"


BODY = "json:\n          status: =account.bill_status\n          product: =account.product_name"


def test_an_edit_that_yaml_could_not_read_is_not_made() -> None:
    text = TUTORIAL.replace(
        BODY, "json:\n          a: ${account.id} x\n          b: account.status"
    )
    after = mended(text, PATH)
    assert "          a: ${account.id} x\n          b: =account.status" in after.text
    assert [lint.name for lint in check_text(after.text, PATH)[1]] == ["placeholder"]


def test_a_mend_can_be_followed_by_another_at_the_same_place() -> None:
    text = TUTORIAL.replace(BODY, "json: {a: x${account.id}, b: account.status}")
    assert 'json: {a: "x{{ account.id }}", b: =account.status}' in mended(text, PATH).text
