"""The record of what was applied: the decision about an event, and the stores that keep it."""
