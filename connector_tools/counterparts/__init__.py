"""External systems to try a connector against.

hlr         the rules of an embedded HLR/HSS
hlr_http    the embedded HLR/HSS as a web server with WTL's API
hss         the rules of an HSS with several resources for a subscriber; hss.yaml is its mapping
osmo_hlr    a real osmo-hlr in a process of its own
"""
