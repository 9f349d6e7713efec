"""A simulated world around the real connector: does the network end up as billing says?

billing       PortaBilling: who has which SIM, product and number, and the events of each change
inventory     the products and SIMs: invented ones, or those of a staging system
subscribers   SIM cards, accounts, and what the network must hold for each
numbers       which numbers are free, given so that no ring of subscribers waits for each other's
life          random changes of subscribers, repeatable by a seed
enrichment    the data that NSPS reads from PortaBilling for an event
nsps          NSPS: queue, retries, replays, history
held_events   the events that NSPS has, and their deliveries
faulty_network, network, hss_network   an HLR and an HSS with faults, which note violations of rules
faults        the faults, and how often each happens
clock         simulated time: virtual, or real time that passes faster
scenario      how large a world is, which faults it has, and the result of its run
world         puts these together: a time with faults, a time without, then the comparison
instance, fleet             instances of the connector in this process, which can be killed
functions, store            instances as real functions that are killed, and the ledger they share
faulty_wire, counterpart_network   the counterpart of any mapping file, behind a wire with faults
scripted_network            replies as the tests in a mapping file say
not_promised  rings of subscribers who exchanged their numbers: told, and no failure
comparison    what a counterpart holds beside what billing says
virtual_time, real_functions, mapping_world, scripted_world, deployed   the ways to run a world
report        the result of a run, as text; report_json: for programs
"""
