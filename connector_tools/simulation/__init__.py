"""A simulated world around the real connector: does the network end up as billing says?

billing  PortaBilling: subscribers, SIMs, products, and what the network must hold
life     what happens to subscribers, from a seed
nsps     enrichment, queue, retries, replays, history
network  an HLR/HSS with faults, which notes what must never happen
osmo     a real osmo-hlr in its place
instance the connector: in process, or as real functions that are killed
clock    simulated time: virtual, or the real one run faster
world    puts them together: a time of trouble, then calm; report tells how it ended
"""
