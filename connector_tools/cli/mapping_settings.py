"""Reads a mapping file together with its settings, for the commands that plan events."""

import os
from pathlib import Path

from connector.mapping.schema import MappingFile
from connector.settings import BadSettings
from connector_tools.cli.output import without_errors
from connector_tools.deployment import Deployment, deployment
from connector_tools.terminal import stop


def load_for_explaining(path: Path) -> tuple[MappingFile, Deployment]:
    """A mapping file and the settings of this environment; ends the command if one is wrong."""
    mapping = without_errors(path)
    try:
        return mapping, deployment(mapping, os.environ)
    except BadSettings as bad:
        stop(str(bad))
