"""A simulated world around the real connector: does the network end up as billing says?

billing       PortaBilling: subscribers, SIMs, products, and what the network must hold for each
life          random changes of subscribers, repeatable by a seed
enrichment    the data that NSPS reads from PortaBilling for an event
nsps          NSPS: queue, retries, replays, history
faulty_network, network, hss_network   an HLR and an HSS with faults, which note violations of rules
faults        the faults, and how often each happens
clock         simulated time: virtual, or real time that passes faster
world         puts these together: a time with faults, a time without, then the comparison
instance, fleet             instances of the connector in this process, which can be killed
functions, store            instances as real functions that are killed, and the ledger they share
virtual_time, real_functions, osmo, deployed   the ways to run a world
report        the result of a run, as text
"""
