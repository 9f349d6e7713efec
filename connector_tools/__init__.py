"""Tools for people at a terminal. The function never imports this package.

- `command`: the command line `connector`; `send`, `explain`, `case` and `dlq` do its work
- `hlr`, `hlr_http`: an embedded HLR/HSS, to see and test the connector without a real one
- `stack`, `demo`: the function and that HLR/HSS side by side
"""
