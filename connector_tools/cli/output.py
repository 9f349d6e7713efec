"""What several commands print."""

from connector.mapping.document import Lint
from connector_tools.terminal import say, terminal


def show_lints(lints: list[Lint], *, stderr: bool = False) -> None:
    """Print each lint on a line: errors red, warnings yellow."""
    console = terminal(stderr=stderr)
    for found in lints:
        say(str(found), "red" if found.level == "error" else "yellow", to=console)


def count_errors(lints: list[Lint]) -> int:
    """The number of lints that are errors; the others are warnings."""
    return sum(1 for found in lints if found.level == "error")
