"""The function and an HLR/HSS on this machine, for `connector run` and `connector demo`."""
