"""Two files of the site for assistants that read text.

`llms.txt` lists the pages (https://llmstxt.org). `llms-full.txt` is one page with all that is
needed to write a mapping file: how to go about it, a whole file, the language, the fields of the
event, the lints, and how to check and test. The build of the site writes both.
"""

import re

from connector_tools.documents.markdown import read, sections
from connector_tools.documents.site_pages import NAVIGATION, title
from connector_tools.program import ROOT

_LIST = """\
# NSPS connector

> A function that gets events of PortaOne's NSPS and keeps one external system up to date. One
> mapping file in YAML, with its tests inside, says which events matter and what to send.

To write a mapping file, read [llms-full.txt](llms-full.txt): it has everything in one file.
"""
_HOW = """\
# How to write a mapping file for the NSPS connector

This file has all that is needed: the steps, a whole example, the tutorial and the language, the
fields of the event, the keys of HTTP, what the system shall hold (resources), and every lint with
a wrong and a right example.

## Steps

1. Ask for: the system's address and login, the request that saves a subscriber and the one that
   removes one, what it answers if something exists, does not exist or is wrong (also with status
   200), and how many requests a second it takes.
2. Choose calls (send this for this event) or resources (the system shall hold this). For state,
   take resources.
3. Write the file `mappings/NAME.yaml`. Credentials are settings with `secret`. Missing data is
   none: guard each part of the event (`require`) before a call depends on it. Values are typed:
   `=expression` keeps the type, `{{ }}` makes text.
4. Write tests in the file: each rule, each condition once true and once false, each reply that is
   not a success. A test names `event` (a file in `mappings/events/`), `change`, `replies`, and
   expects `calls`, `outcome` and `because`.
5. Run these commands until both say that all is well:

```sh
connector check mappings/NAME.yaml
connector test mappings/NAME.yaml
connector explain mappings/NAME.yaml mappings/events/sim-updated.json
```

Never invent a field of the event, a filter or a key: the lists below are complete. Quote YAML
text that contains `: ` or ` #`, or begins with `{{`, `[`, `{`, `*`, `&` or `@`. Quote numbers
that are text, such as an IMSI.

## A whole file

"""
_PARTS = (
    "docs/mapping.md",
    "docs/reference/event.md",
    "docs/reference/event-types.md",
    "connector/systems/http/README.md",
    "docs/resources.md",
    "docs/lints.md",
)
_COMMANDS = ("check", "test", "explain")


def files() -> dict[str, str]:
    """Name and text of the two files."""
    return {"llms.txt": _list(), "llms-full.txt": _everything()}


def _list() -> str:
    text = _LIST
    for name, pages in NAVIGATION.items():
        lines = (
            f"- [{title(page)}]({page}.html)\n" for page in pages if (ROOT / f"{page}.md").exists()
        )
        text += f"\n## {name}\n\n{''.join(lines)}"
    return text


def _everything() -> str:
    example = re.findall(r"(?ms)^```yaml\n.*?^```\n", read("docs/start.md"))[0]
    commands = sections(read("docs/reference/commands.md"), "##")
    event = read("mappings/events/sim-updated.json")
    text = f"{_HOW}{example}\nThe event that its tests use:\n\n```json\n{event}```\n"
    for part in _PARTS:
        text += "\n" + _plain(read(part))
    text += "\n# Commands to check and test\n"
    return text + "".join(
        f"\n## `connector {name}`\n{commands[f'connector {name}']}" for name in _COMMANDS
    )


def _plain(text: str) -> str:
    """A page without comments, pictures and the targets of links, which lead to other files."""
    text = re.sub(r"(?s)<!--.*?-->\n*|<picture>.*?</picture>\n*|<img [^>]*>\n*", "", text)
    return re.sub(r"\[([^\]]+)\]\([^)\s]+\)", r"\1", text)
