"""Known differences: somebody has explained them, and answers for them until a day."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from connector_tools.audit.finding import Finding

_HASH = 16  # letters of a hash that stand in the log as `subject_hash`


class BadKnown(Exception):  # noqa: N818 - it names what happened
    """The file of known differences cannot be used; the text says why, without values."""


class Known(BaseModel):
    """A known difference.

    `subject` is its name (`imsi:...`) or its hash from the log. Without `resource` or `field` all
    of them are meant. `until` is the last day on which it counts as known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    subject: Annotated[str, Field(min_length=1, repr=False)]
    resource: str | None = None
    field: str | None = None
    because: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    until: datetime.date

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this difference."""
        names = {finding.subject, finding.hash, finding.hash[:_HASH]}
        return (
            self.subject in names
            and self.resource in (None, finding.resource)
            and self.field in (None, finding.field)
        )


@dataclass(slots=True)
class Sorted:
    """The findings: those that count, and those that are known, each with its explanation.

    `expired` are explanations whose day is over: their findings count again. `unused` are those
    that explain nothing any more.
    """

    count: list[Finding] = field(default_factory=list)
    known: list[tuple[Finding, Known]] = field(default_factory=list)
    expired: list[Known] = field(default_factory=list)
    unused: list[Known] = field(default_factory=list)


def read_known(file: Path) -> tuple[Known, ...]:
    """The known differences of a YAML file: a list.

    Raises:
        BadKnown: the file cannot be read, or an entry is wrong.
    """
    try:
        document = yaml.safe_load(file.read_bytes())
        return TypeAdapter(tuple[Known, ...]).validate_python(document or [])
    except OSError as error:
        raise BadKnown(f"cannot read {file}: {error.strerror}") from None
    except yaml.YAMLError:
        raise BadKnown(f"{file}: not YAML") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadKnown(f"{file}: {place}: {first['msg']}") from None


def sort(findings: Iterable[Finding], known: Iterable[Known], today: datetime.date) -> Sorted:
    """Sort out what is known today."""
    known = tuple(known)
    found = Sorted()
    used: set[int] = set()
    for finding in findings:
        reasons = [one for one in known if one.covers(finding)]
        used.update(map(known.index, reasons))
        valid = [one for one in reasons if one.until >= today]
        if valid:
            found.known.append((finding, valid[0]))
        else:
            found.count.append(finding)
            found.expired += [one for one in reasons if one not in found.expired]
    found.unused = [one for index, one in enumerate(known) if index not in used]
    return found
