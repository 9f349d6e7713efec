"""The text of a new mapping file: `mapping_text`."""

from collections.abc import Iterator
from typing import Any

from connector_tools.starter import parts, tests_text
from connector_tools.starter.answers import Answers, Request
from connector_tools.starter.yaml_text import entry, inline

_HEAD = """\
# Written by `connector new`. Change what differs, then `connector check` and `connector test` it.
"""
_SERVED = """\
  # Who gets service. Other states, such as an account that is suspended, have none.
  served: =account.bill_status == 'open' and not account.blocked
"""
_LEFT = """\
  # Whether the event takes an old SIM away. False if another account has it by now.
  left: >-
    =prev_sim and prev_sim.imsi and (not sim or prev_sim.imsi != sim.imsi)
    and prev_sim.i_account in [none, event.i_account]
"""
_CHANGED = """\
  - name: a subscriber changed
    on: [SIM/Created, SIM/Updated]
    ignore:
      - {if: not sim.i_account, because: the SIM has no account yet}
    require:
      - &imsi {that: sim.imsi is imsi, because: IMSI must be 15 digits}
      - &account
        that: account
        because: "account_info is missing: add it to the required data of the NSPS handler"
"""
_STATE = """\
      - &state
        that: account.bill_status and account.blocked is not none
        because: it is unknown whether the account is open or blocked
"""
_TAKEN = """\
  - name: a SIM was taken away
    on: SIM/Replaced
    when: not sim or not sim.imsi
    ignore:
      - {if: not left, because: "no SIM was taken away, or another account has it"}
    require:
      - &previous
        that: not left or prev_sim.imsi is imsi
        because: the previous IMSI must be 15 digits
    calls:
      - &release
        when: left
        subject: imsi:{{ prev_sim.imsi }}
        releases: true
"""
_REPLACED = """\
  - name: a SIM was assigned or swapped
    on: SIM/Replaced
    require: [*previous, *imsi, *account{state}]
    calls: [*release, *save{create}]
"""
_DELETED = """\
  - name: a SIM left the inventory
    on: SIM/Deleted
    require: [*imsi]
    calls:
      - subject: imsi:{{ sim.imsi }}
"""


def mapping_text(answers: Answers, events: str) -> str:
    """The mapping file; its tests read the events in the folder `events`."""
    head = [_HEAD.rstrip(), f"name: {answers.name}", f"summary: {inline(answers.summary_text)}", ""]
    lines = [*head, *_settings(answers), "", *_system(answers), ""]
    served = [_SERVED.rstrip()] if answers.says_service else []
    lines += [
        "values:",
        *served,
        _LEFT,
        "rules:",
        *_rules(answers),
        "",
        *tests_text.lines(answers, events),
    ]
    return "\n".join(lines) + "\n"


def _settings(answers: Answers) -> Iterator[str]:
    yield "settings:"
    for line in parts.setting_lines(answers):
        yield f"  {line.name}: {inline(line.entry)} # {line.about.rstrip('.')}"


def _system(answers: Answers) -> Iterator[str]:
    auth, headers = parts.auth(answers)
    yield "system:"
    yield "  http:"
    yield "    base_url: =settings.url"
    yield "    timeout: =settings.timeout"
    if answers.rate:
        yield f"    rate_limit: {answers.rate}/s"
    yield from entry("auth", auth, 4) if auth else ()
    yield from entry("headers", headers, 4) if headers else ()
    if answers.error_field:
        field = f"reply.json.{answers.error_field}"
        yield "  replies: # a success by its status that is a failure"
        yield f"    - {{if: reply.status < 300 and {field}, outcome: failed, because: ={field}}}"


def _rules(answers: Answers) -> Iterator[str]:
    extra = own_fields(answers)
    yield _CHANGED.rstrip()
    if answers.says_service:
        yield _STATE.rstrip()
    yield "    calls:"
    yield "      - &save"
    if answers.create:
        yield "        id: saved"
    yield "        subject: imsi:{{ sim.imsi }}"
    yield from _call(
        answers.save, parts.given_call(answers.save, extra), absent=bool(answers.create)
    )
    if answers.create:
        yield "      - &create"
        yield "        when: saved.status == 404"
        yield "        subject: imsi:{{ sim.imsi }}"
        yield from _call(answers.create, parts.given_call(answers.create, extra))
    yield ""
    yield _TAKEN.rstrip()
    if answers.remove:
        yield from _call(answers.remove, parts.taken_call(answers.remove), absent=True)
    else:
        yield from _call(answers.save, parts.taken_call(answers.save, extra))
    yield ""
    state = ", *state" if answers.says_service else ""
    create = ", *create" if answers.create else ""
    yield _REPLACED.format(state=state, create=create).rstrip()
    if answers.remove:
        yield ""
        yield _DELETED.rstrip()
        yield from _call(answers.remove, parts.given_call(answers.remove), absent=True)


def _call(request: Request, call: dict[str, Any], *, absent: bool = False) -> Iterator[str]:
    for key, value in call.items():
        yield from entry(key, value, 8)
    if request.method in ("post", "patch"):
        yield "        idempotent: true # ask whether a repetition does nothing more"
    if absent:
        yield "        accept: [404]"


def own_fields(answers: Answers) -> dict[str, Any]:
    """The fields of a subscriber whose values are settings."""
    return {name: f"=settings.{name}" for name in answers.settings}
