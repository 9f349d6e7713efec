"""The command line `connector`."""
