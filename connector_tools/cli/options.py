"""Arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

MappingFile = Annotated[Path, typer.Argument(metavar="FILE", help="Mapping file.")]
