"""The NSPS connector: an event of PortaBilling's, enriched by NSPS, reaches an external system.

An event's path, from the wire and back:

    door        a request of NSPS: method, token, size                   main.py, doors/http.py
                (or a Pub/Sub message: doors/pubsub.py, pubsub_message.py, oidc.py, publisher.py)
    pipeline    the sequence below, and the one log record                     pipeline.py
    event       bytes to an Event, its dialects made one                       event.py
    plan        Event and mapping to the calls to make, or why there are none  plan.py
                (mapping.py, rule.py, entry.py, expression.py, language.py; lint.py checks before)
    ledger      may it be applied now? duplicate, superseded, busy             ledger.py (+ store)
    system      call by call: limits, retries, what the reply means            systems.py, guard.py
                (HTTP: http_system.py, http_call.py, auth.py, http_outcome.py, http_transport.py,
                http_connection.py; Osmocom's control interface: ctrl_system.py, ctrl_call.py,
                ctrl.py)
    ledger      settle: it was applied, from this snapshot
    outcome     what became of it, and the answer for NSPS                     outcome.py

startup.py puts these together from settings.py, secrets.py and values.py; doors/worker.py has them
open while it serves, in the server that doors/server.py adapts; log.py writes lines;
portabilling.py is what PortaBilling says of an account.
"""
