"""`python -m connector_tools.cli` is the command `connector`."""

from connector_tools.cli.app import main

main()
