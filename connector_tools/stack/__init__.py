"""The function and an HLR/HSS side by side on this machine, for the commands `run` and `demo`."""
