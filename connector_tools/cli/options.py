"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from connector_tools.counterparts.catalogue import MAPPINGS

_LONGEST = 200  # characters of a name; some systems raise an error for longer ones


def mapping_path(given: str) -> Path:
    """The path as given; if there is no such file, that of the catalogue's entry of this name."""
    if len(given) > _LONGEST:
        return Path(given)
    entry = MAPPINGS / f"{given}.yaml"
    return (
        entry
        if given.isprintable() and not Path(given).exists() and entry.is_file()
        else Path(given)
    )


MappingPath = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="Mapping file, or an entry of the catalogue.", parser=mapping_path
    ),
]
MappingPaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Mapping files, or entries of the catalogue.",
        parser=mapping_path,
    ),
]
Token = Annotated[
    str,
    typer.Option(
        envvar="API_TOKEN",
        show_default=False,
        help="The connector's bearer token; of several, comma-separated, the first.",
    ),
]
