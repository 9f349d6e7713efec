"""The page of a new mapping file, with the headings of the catalogue's pages."""

from connector_tools.starter import parts
from connector_tools.starter.answers import Answers, Request


def page_text(answers: Answers, to_check: list[str]) -> str:
    """The page; `to_check` are the guesses that an author must confirm."""
    name = answers.name
    return f"""\
# `{name}`

[`{name}.yaml`]({name}.yaml): {answers.summary_text}

## What it does

| Event | Requests |
|---|---|
{_events(answers)}
Handler in NSPS: these events, with the required data `account_info`, `sim_info`, `prev_sim_info`.

{_service(answers)}

## Settings

| Variable | Default | Meaning |
|---|---|---|
{_settings(answers)}
## Permissions

Ask the operator of the system for an account that may send the requests above, and nothing else.

## Traps

{_to_check(to_check)}
## What it was tried against

Nothing yet: the tests inside the file have invented replies. Try it with the system before you
deploy.

## Try it

```sh
connector check {name}.yaml
connector test {name}.yaml
connector run {name}.yaml --watch
```
"""


def _events(answers: Answers) -> str:
    save, remove = _request(answers.save), answers.remove and _request(answers.remove)
    create = f", and {_request(answers.create)} after a 404" if answers.create else ""
    released = remove or f"{save} without service"
    rows = [
        ("`SIM/Created`, `SIM/Updated`", f"{save}{create}"),
        ("`SIM/Replaced`, for the old SIM", released),
        ("`SIM/Replaced`, for the new SIM", f"{save}{create}"),
    ]
    if remove:
        rows.append(("`SIM/Deleted`", remove))
    return "".join(f"| {event} | {text} |\n" for event, text in rows)


def _service(answers: Answers) -> str:
    if answers.says_service:
        return "A subscriber has service as long as the account is open and not blocked."
    return "No field says whether a subscriber has service: a blocked account keeps it."


def _request(request: Request) -> str:
    return f"`{request.method.upper()} {request.path}`"


def _settings(answers: Answers) -> str:
    rows = []
    for line in parts.setting_lines(answers):
        default = "required" if line.default is None else f"`{line.default}`"
        rows.append((f"`{line.variable}`", default + ", a secret" * line.secret, line.about))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _to_check(to_check: list[str]) -> str:
    if not to_check:
        return "None known yet.\n"
    return "Guessed, so confirm it with the system's description:\n\n" + "".join(
        f"- {text}\n" for text in to_check
    )
