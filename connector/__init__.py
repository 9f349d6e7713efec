"""The NSPS connector: an event of PortaBilling's, enriched by NSPS, reaches an external system.

An event's path, from the wire and back:

    door        a request of NSPS's: method, token, size                       door.py, main.py
    pipeline    the sequence below, and the one log record                     pipeline.py
    event       bytes to an Event, its dialects made one                       event.py
    plan        Event and mapping to the calls to make, or why there are none  plan.py
                (mapping.py, expression.py; checked before by lint.py, document.py)
    ledger      may it be applied now? duplicate, superseded, busy             ledger.py (+ store)
    system      call by call: limits, retries, what the reply means            http_system.py
                (call.py, system.py, limit.py, auth.py)
    ledger      settle: it was applied, from this snapshot
    outcome     what became of it, and the answer for NSPS                     outcome.py

startup.py puts these together from settings.py and secrets.py; log.py writes lines.
"""
