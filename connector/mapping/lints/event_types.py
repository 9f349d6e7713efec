"""Event types that PortaBilling does not send, because they are misspelt.

A rule for such a type never gets an event, and nothing fails. Event types are data: a later release
can have new ones. So only those are reported that are nearly the name of a known one.
"""

from collections.abc import Iterator
from itertools import product

from connector.mapping.document import VALUE, Lint, Spot
from connector.mapping.schema import MappingFile
from connector.mapping.spelling import closest

_LIKENESS = 0.8


def _types(group: str, names: str) -> Iterator[str]:
    yield from (f"{group}/{name}" for name in names.split())


_STATUSES = "Activated Changed Closed Exported Imported Suspend Suspended Unsuspend"
EVENT_TYPES: tuple[str, ...] = (
    *_types("SIM", "Created Updated Replaced Deleted"),
    *(
        f"{one}/{what}"
        for one, what in product(
            ("Customer", "Subscriber", "DID"), ("Created", "Updated", "Deleted")
        )
    ),
    *_types("Invoice", "Created Updated New Adjustments/Changed AmountPaid/Changed Status/Changed"),
    *_types(
        "Account",
        "AccessPolicy/Changed ActivationDate/Changed Alias/Delete AvailableFundsAppear "
        "BalanceChanged Blocked CustomField/Changed Discount/Changed ExpirationDate/Changed "
        "FollowMe/Changed FollowMeNumber/Changed FollowMeNumber/Deleted FollowMeNumber/Inserted "
        "ID/Changed IPDeviceAssignment New Password/Changed Product/Changed ProductAddon/Changed "
        "ProductAddon/Deleted ProductAddon/Inserted ServiceAttribute/Changed "
        "ServiceFlags/Changed Service/Msg/QuotaExceeded Service/Msg/QuotaExpired "
        "Service/Netaccess/QuotaExceeded Service/Netaccess/QuotaExpired "
        "Service/Netaccess/QuotaAvailable ServicePassword/Changed "
        "Service/QuotaAvailable Service/QuotaExceeded Service/QuotaExpired SIMCardAssignment "
        "Status/SuspensionRemoved Unblocked ZeroAvailableFunds",
    ),
    *_types(
        "Customer",
        "AvailableFundsAppear BalanceChanged Blocked CustomField/Changed Name/Changed New "
        "ServiceAttribute/Changed ServiceFlags/Changed Status/Deactivated Status/Limited Unblocked "
        "ZeroAvailableFunds",
    ),
    *(f"{one}/Status/{what}" for one, what in product(("Account", "Customer"), _STATUSES.split())),
    *_types("Subscriber", "Address/Changed ContactInfo/Changed Name/Changed"),
    *_types("AccessPolicy", "Changed Phase/Changed Phase/Deleted Phase/New"),
    *_types(
        "DID", "New Status/Activated Status/Assigned Status/Canceled Status/Moved Status/Unassigned"
    ),
    *_types("Product", "AccessPolicy/Changed Discount/Changed ServiceAttribute/Changed"),
    *_types("Connection", "Changed Deleted New"),
    *_types("PaymentTransaction", "New ResultCode/Changed Status/Changed"),
    *("Accessibility/Deleted", "Accessibility/Inserted", "Custom/Jasper/CapReached"),
    *("CustomField/Changed", "CustomerSite/ServiceAttribute/Changed", "IPDeviceProfile/New"),
    "ServiceAttribute/Changed",
)
"""Event types that documents of PortaBilling name (docs/contract.md), for advice only."""

_KNOWN = {name.lower(): name for name in EVENT_TYPES}


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield a warning for each event type that is nearly a known one."""
    for index, rule in enumerate(mapping.rules):
        for number, kind in enumerate(rule.on):
            meant = _meant(kind)
            if meant:
                at = Spot(("rules", index, "on", number), VALUE, meant)
                reason = f"PortaBilling sends no `{kind}`"
                found = mapping.document.lint("event-type", at, reason, f"did you mean `{meant}`?")
                yield found._replace(level="warning")


def _meant(kind: str) -> str | None:
    if kind.lower() in _KNOWN:
        return None
    plain = {name.replace("/", ""): known for name, known in _KNOWN.items()}
    letters = "".join(char for char in kind.lower() if char.isalnum())
    found = closest(kind.lower(), _KNOWN, _LIKENESS)
    return plain.get(letters) or (_KNOWN[found] if found else None)
