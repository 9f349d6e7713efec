"""What of an event a field of the external system can get, by a short word.

Each word has an expression for the SIM of an event, for a SIM that is taken away, and the values
that both have in the example events: the tests of a new mapping file compare them.
"""

import re
from typing import Any, NamedTuple

SETTING = "settings."
_CHOICE = re.compile(r"=served \? ([\w -]+) : ([\w -]+)")


class Word(NamedTuple):
    """What stands for a word in a mapping file.

    `given` is the expression for the SIM of an event, `taken` the one for a SIM that is taken away,
    None if such a SIM has none. `about` is for people.
    """

    given: str
    taken: str | None
    about: str


WORDS = {
    "imsi": Word("sim.imsi", "prev_sim.imsi", "the IMSI"),
    "iccid": Word("sim.iccid", "prev_sim.iccid", "the ICCID"),
    "number": Word("account.msisdn", None, "the phone number"),
    "served": Word("served", None, "true if the account is open and not blocked"),
    "blocked": Word("not served", None, "true if the account is closed or blocked"),
    "product": Word("account.product_name", None, "the name of the product"),
    "account": Word("account.i_account", None, "the number of the account"),
    "account_text": Word("account.i_account | string", None, "the number of the account as text"),
}
IN_PATHS = ("imsi", "iccid")
"""The words that a path can have: those that a SIM keeps when it is taken away."""
_NAMES = {
    "imsi": "imsi",
    "iccid": "iccid|sim_?id|sim_?number|sim_?card",
    "number": "msisdn|phone|number|mobile|subscriber_?number",
    "product": "product|plan|tariff|profile|package|offer|service_?class",
    "account": "account|customer|external_?id|subscriber_?id|reference",
    "blocked": "blocked|barred|suspended|disabled|locked|inactive",
    "served": "active|enabled|status|state|service|served",
}
"""How the names of fields look that get a word; the first that is found in a name decides."""
SERVED_TEXTS = ("active", "enabled", "open", "granted", "serviceGranted", "up", "on")
OTHER_TEXTS = ("blocked", "suspended", "inactive", "disabled", "barred", "closed", "off", "down")


def guess(name: str) -> str | None:
    """The word for a field of this name; None if no word fits."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().replace("-", "_")
    return next((word for word, form in _NAMES.items() if re.search(form, text)), None)


def problem(leaf: Any) -> str | None:
    """What is wrong with a value of the answers; None if it can be used."""
    if not isinstance(leaf, str):
        return None
    if "{{" in leaf or "\n" in leaf:
        return f"`{leaf}` must be one line without `{{{{`"
    if not leaf.startswith("=") or _CHOICE.fullmatch(leaf) or leaf.startswith(f"={SETTING}"):
        return None
    if leaf[1:] in WORDS:
        return None
    allowed = ", ".join(f"={word}" for word in WORDS)
    return f"`{leaf}` is no word: write one of {allowed}, =settings.NAME, `=served ? on : off`"


def given(leaf: Any) -> Any:
    """The value in a mapping file for the SIM of an event."""
    if not isinstance(leaf, str) or not leaf.startswith("="):
        return leaf
    if choice := _CHOICE.fullmatch(leaf):
        return f"='{choice[1]}' if served else '{choice[2]}'"
    return leaf if leaf.startswith(f"={SETTING}") else f"={WORDS[leaf[1:]].given}"


def taken(leaf: Any) -> Any:
    """The value in a mapping file for a SIM that is taken away: no service, no number."""
    if not isinstance(leaf, str) or not leaf.startswith("="):
        return leaf
    if choice := _CHOICE.fullmatch(leaf):
        return choice[2]
    if leaf.startswith(f"={SETTING}"):
        return leaf
    expression = WORDS[leaf[1:]].taken
    return f"={expression}" if expression else {"=served": False, "=blocked": True}.get(leaf)


class Seen(NamedTuple):
    """The values of the words in a test: those of an example event, with its changes."""

    imsi: str = "001010000000001"
    iccid: str = "89420000000000000019"
    served: bool = True
    released: bool = False

    def value(self, leaf: Any, settings: dict[str, Any]) -> Any:
        """What a request of the test has in place of a value of the answers."""
        if not isinstance(leaf, str) or not leaf.startswith("="):
            return leaf
        if choice := _CHOICE.fullmatch(leaf):
            return choice[1] if self.served and not self.released else choice[2]
        if leaf.startswith(f"={SETTING}"):
            return settings[leaf.removeprefix(f"={SETTING}")]
        return self._word(leaf[1:])

    def _word(self, word: str) -> Any:
        kept = {"imsi": self.imsi, "iccid": self.iccid}
        if word in kept:
            return kept[word]
        if word in ("served", "blocked"):
            return (self.served and not self.released) == (word == "served")
        account = {"account": 277147, "account_text": "277147"}
        rest = {"number": "420700000001", "product": "Mobile L", **account}
        return None if self.released else rest[word]


OLD, NEW = Seen(), Seen("001010000000002", "89420000000000000027")
"""The SIM of all example events, and the one by which it is replaced."""
