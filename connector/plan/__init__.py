"""The plan of an event: which calls to make, or why there are none. A pure function, no I/O.

planner     makes the plan: the rule, its conditions, its steps
scope       the names that expressions read of the event
step        a step of a plan, as a conversation with the external system; the step of a call
trace       the plan with notes on each decision, for tools
"""
