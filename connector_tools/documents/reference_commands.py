"""docs/reference/commands.md: every command of the command line, with its options.

It is made from the commands themselves, which the caller gives: this package knows no command.
"""

import re
from collections.abc import Iterator
from typing import Any

from connector_tools.documents.markdown import table

_HEAD = """\
# Commands

`connector COMMAND --help` prints the same. Every command ends with 0 if all is well, with 1 if it
found something wrong (an error in a mapping, a failed test, an event that was not accepted), and
with 2 if it could not do its work (wrong usage, a file, a setting, no connection).

"""


def document(group: Any) -> str:
    """The page; `group` is the command line as `typer.main.get_group` makes it."""
    commands = list(_commands(group, "connector"))
    body = [(f"[`{name}`](#{_slug(name)})", _first(one.help)) for name, one in commands]
    return (
        _HEAD
        + table(("Command", "What it does"), body)
        + "".join(_section(name, one) for name, one in commands)
    )


def _commands(group: Any, above: str) -> Iterator[tuple[str, Any]]:
    """Yield each command with its whole name, and the commands of a group after the group."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        yield f"{above} {name}", command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{above} {name}")


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _first(text: str | None) -> str:
    return _joined((text or "").partition("\n\n")[0])


def _joined(text: str) -> str:
    return " ".join(text.split())


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = [name, *(["[OPTIONS]"] if options else []), *map(_usage, arguments)]
    if hasattr(command, "commands"):
        usage.append("COMMAND")
    text = f"\n## `{name}`\n\n{_prose(command.help)}\n\n```text\n{' '.join(usage)}\n```\n"
    body = [(f"`{_name(one)}`", _told(one)) for one in (*arguments, *options)]
    text += f"\n{table(('Argument, option', 'Meaning'), body)}" if body else ""
    example = re.fullmatch(r"Example: (.+)", _joined(command.epilog or ""))
    return text + (f"\n```sh\n{example[1]}\n```\n" if example else "")


def _prose(text: str | None) -> str:
    """The help as paragraphs; a backspace keeps the lines of a block as they are."""
    parts = []
    for part in (text or "").strip().split("\n\n"):
        if part.startswith("\b"):
            parts.append(f"```text\n{part.strip(chr(8)).strip(chr(10))}\n```")
        else:
            parts.append(_joined(part))
    return "\n\n".join(parts)


def _usage(argument: Any) -> str:
    shown = _metavar(argument) + ("..." if argument.nargs == -1 else "")
    return shown if argument.required else f"[{shown}]"


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.upper())


def _name(param: Any) -> str:
    if param.param_type_name == "argument":
        return _metavar(param)
    names = ", ".join([*param.opts, *param.secondary_opts])
    return names if param.is_flag else f"{names} {_metavar(param)}"


def _told(param: Any) -> str:
    """The help, then that it is required, or the default unless it says nothing."""
    text = _joined(param.help or "")
    default = getattr(param.default, "value", param.default)
    if param.required:
        return f"{text} Required." if param.param_type_name == "option" else text
    if param.is_flag if param.param_type_name == "option" else False:
        return text
    if default in (None, "", ()) or callable(default) or not param.show_default:
        return text
    shown = " ".join(map(str, default)) if isinstance(default, list | tuple) else default
    return f"{text} Default: `{shown}`." if shown != "" else text
