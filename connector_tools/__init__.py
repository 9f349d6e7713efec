"""Tools for people at a terminal. The function never imports this package.

- `hlr`: an embedded HLR/HSS, to see the connector work and to test it without a real one
"""
