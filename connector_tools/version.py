"""The version of this program, as it was installed."""

from importlib import metadata

_PROJECT = "nsps-connector"


def version() -> str:
    """The version of the installed package; `connector --version` and the OpenAPI document name it.

    A copied folder that is not installed, as in the image of the audit, has none: `unknown`.
    """
    try:
        return metadata.version(_PROJECT)
    except metadata.PackageNotFoundError:
        return "unknown"
