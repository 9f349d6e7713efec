"""The external system: what every protocol needs around a call, and a room for each protocol."""
