"""The function and an HLR/HSS on this machine.

stack    both processes; `connector run` keeps them running
demo     `connector demo`: sends a subscriber's life through them
text     the lines that both print
"""
