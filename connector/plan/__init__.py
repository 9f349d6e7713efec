"""The plan of an event: which calls to make, or why there are none. A pure function, no I/O.

planner     makes the plan: the rule, its conditions, its steps
sequence    the steps for the entries of `calls`; frame: the names that these entries read
evaluation  values of the mapping for an event
scope       the names that expressions read of the event
step        a step of a plan, as a conversation with the external system; the step of a call;
            between: the steps that send nothing
trace       the plan with notes on each decision, for tools
"""
