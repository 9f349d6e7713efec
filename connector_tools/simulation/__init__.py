"""A simulated world around the real connector: does the network end up as billing says?

billing           PortaBilling: subscribers, SIMs, products, and what the network must hold
life              what happens to subscribers, from a seed; enrichment: events as NSPS sends them
nsps              queue, retries, replays, history
network           an HLR/HSS with faults, which notes forbidden states; faults: which there are
osmo              a real osmo-hlr in its place
instance          one instance of the connector; fleet: several of them
virtual_time      a run in this process, on virtual time
real_functions    a run with real functions; functions: starts, kills and reads them
deployed          a run against a deployed connector
store             the ledgers of real functions, with outages
clock             simulated time: virtual, or the real one run faster
world             puts them together: a time of trouble, then calm; report says how it ended
"""
