"""The plan of an event: which calls to make, or why there are none. A pure function, no I/O.

planner     makes the plan: the rule, its conditions, its steps
holding     the order in which resources are read and written
target      one resource: reads it, compares it; writing: writes what differs
changes     the calls that a resource needs; difference: its fields that differ
evaluator   evaluates entries of the mapping for the event
sequence    the steps for the entries of `calls`; frame: the names that these entries read
scope       the names that expressions read of the event
step        a step of a plan, as a conversation with the external system; the step of a call;
            between: the steps that send nothing
resource_trace  what is known of the resources before the system is asked, for tools
intent      what a plan would do, to compare it with another
trace       the plan with notes on each decision, for tools; computed: values that it shows; noting:
            which values were computed
"""
