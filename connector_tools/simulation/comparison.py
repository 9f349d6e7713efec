"""Compares what a counterpart holds with billing, word by word."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from connector_tools.counterparts.counterpart import Record
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.subscribers import ADDONS, Account

_HIDDEN = {"number": 4, "email": 0, "name": 0}  # personal data, and how many last letters are shown


def differences(by: str, holds: Mapping[str, Record], billing: Billing) -> Iterator[Difference]:
    """Yield each SIM or account whose record differs; `by` and `holds` as in `Counterpart`.

    A SIM without an account, and an account that was closed, must have neither service nor number;
    a SIM that was deleted, no record.
    """
    wanted = _by_account(billing) if by == "account" else _by_imsi(billing)
    deleted = {sim.imsi for sim in billing.sims.values() if sim.deleted and by == "imsi"}
    for key in wanted.keys() | holds.keys():
        want, has = wanted.get(key), holds.get(key)
        wrong = _difference(want, has, gone=key in deleted)
        if wrong:
            sought = f'"i_account": {key},' if by == "account" else key
            numbers = ((record or {}).get("number") for record in (want, has))
            yield Difference(key, *wrong, sought, *numbers)


def doubles(by: str, holds: Mapping[str, Record]) -> Iterator[str]:
    """Yield a sentence for each number that two SIMs have."""
    numbers = Counter(record.get("number") for record in holds.values() if record.get("number"))
    if by == "imsi":
        yield from ("a number on two subscribers" for times in numbers.values() if times > 1)


def state(billing: Billing) -> Iterator[dict[str, Any]]:
    """Yield what billing says of each IMSI, in the words of `counterpart.Record`.

    A SIM without an account has `account` null, no service and no number.
    """
    for sim in billing.sims.values():
        owner = billing.accounts[sim.i_account] if sim.i_account else None
        said = (
            words(billing, owner) if owner else {"account": None, "served": False, "number": None}
        )
        yield {"imsi": sim.imsi, "deleted": sim.deleted, **said}


def _by_imsi(billing: Billing) -> dict[str, dict[str, Any] | None]:
    owners = {sim.imsi: sim.i_account for sim in billing.sims.values()}
    return {
        imsi: words(billing, billing.accounts[owner]) if owner else None
        for imsi, owner in owners.items()
    }


def _by_account(billing: Billing) -> dict[str, dict[str, Any] | None]:
    return {
        str(account.i_account): None
        if account.bill_status == "terminated"
        else words(billing, account)
        for account in billing.accounts.values()
    }


def words(billing: Billing, account: Account) -> dict[str, Any]:
    """What billing says of an account, in the words of `counterpart.Record`."""
    return {
        "served": account.served,
        "number": account.number if account.holds_number else None,
        "product": billing.product_of(account).name,
        "addons": sorted(ADDONS[addon] for addon in account.addons),
        "throttled": account.throttled,
        "account": account.i_account,
        "email": account.email,
        "name": account.name,
    }


def _difference(
    want: dict[str, Any] | None, has: Record | None, *, gone: bool
) -> tuple[str, str] | None:
    """Billing's and the system's words that differ, as texts; None if none does."""
    if want is None:
        idle = not has or not (has.get("served") or has.get("number"))
        if idle and not (gone and has):
            return None
        return "no service, no number" if not gone else "no record", _as_text(has)
    if has is None:
        idle = not want["served"] and not want["number"]
        return None if idle else (_as_text(want), "no record")
    wrong = {word: value for word, value in has.items() if want[word] != value}
    if not wrong:
        return None
    return _as_text({word: want[word] for word in wrong}), _as_text(wrong)


def _as_text(record: Record | None) -> str:
    """Words as a text for people, which hides personal data."""
    if record is None:
        return "no record"
    return ", ".join(f"{word} {_shown(word, value)}" for word, value in record.items())


def _shown(word: str, value: Any) -> str:
    if word not in _HIDDEN or not value:
        return str(value)
    last = _HIDDEN[word]
    return f"...{value[-last:]}" if last else "***"
