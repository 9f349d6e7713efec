"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

MappingPath = Annotated[Path, typer.Argument(metavar="FILE", help="Mapping file.")]
Token = Annotated[
    str,
    typer.Option(
        envvar="API_TOKEN",
        show_default=False,
        help="The connector's bearer token; of several, comma-separated, the first.",
    ),
]
