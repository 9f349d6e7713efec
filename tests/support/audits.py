"""Audits of the simulated HSS, with the settings of a deployment."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from connector.pipeline import Pipeline
from connector.startup import check_ledger, start
from connector_tools.audit.audit import Audit, Limits
from connector_tools.audit.should_be import Exported
from connector_tools.quiet import quiet
from tests.support import ROOT
from tests.support.function import TOKEN
from tests.support.hss_server import HssServer

MAPPING = ROOT / "tests" / "audit" / "subscribers.yaml"
FAST = Limits(rate=10_000, at_once=8, again=0)


def variables(server: HssServer, ledger: Path, mapping: Path = MAPPING) -> dict[str, str]:
    """The environment of a function at this HSS."""
    return {
        **server.variables(),
        "MAPPING_FILE": str(mapping),
        "LEDGER_URL": f"sqlite:///{ledger}",
        "API_TOKEN": TOKEN,
        "HASH_KEY": "hash-key-of-the-tests-of-audits",
        "EVENT_BUDGET": "10",
    }


@asynccontextmanager
async def serving(environ: dict[str, str]) -> AsyncIterator[Pipeline]:
    """The pipeline of a deployment, which logs nothing."""
    with quiet():
        startup = await asyncio.to_thread(start, environ)  # it runs an event loop of its own
        check_ledger(startup.settings)
        async with startup.serve() as pipeline:
            yield pipeline


def audit_of(pipeline: Pipeline, events: Iterable[Any], limits: Limits = FAST) -> Audit:
    """An audit that knows these events."""
    bodies = (json.dumps(event).encode() for event in events)
    return Audit(pipeline, Exported(bodies, pipeline.plan, pipeline.hash_key), limits)
