"""The function and an external system on this machine.

stack         with an embedded HLR/HSS; `connector run` keeps both running
example_event an event to begin with, for any mapping file
demo          `connector demo`: sends a subscriber's life through the HLR/HSS
text          the lines that all print
"""
