"""Reads a mapping file together with its settings, for the commands that plan events."""

import os
from pathlib import Path

import typer

from connector.mapping.load import check
from connector.mapping.schema import MappingFile
from connector.settings import BadSettings
from connector_tools.cli.output import count_errors, show_lints
from connector_tools.deployment import Deployment, deployment
from connector_tools.terminal import CANNOT_RUN, stop


def load_for_explaining(path: Path) -> tuple[MappingFile, Deployment]:
    """A mapping file and the settings of this environment; ends the command if one is wrong."""
    mapping, lints = check(path)
    if mapping is None or count_errors(lints):
        show_lints(lints, stderr=True)
        raise typer.Exit(CANNOT_RUN)
    try:
        return mapping, deployment(mapping, os.environ)
    except BadSettings as bad:
        stop(str(bad))
