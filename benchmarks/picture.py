"""The picture of a benchmark's run: events a second at 100 concurrent, drawn as SVG."""

from benchmarks.results import DELAYS, Results
from benchmarks.svg import page, text

_STYLE = """
    .ground { fill: #ffffff; }
    .bar { fill: #afb8c1; }
    .ours { fill: #0969da; }
    .name { fill: #1f2328; }
    .title { fill: #1f2328; font-weight: bold; }
    .small { fill: #57606a; font-size: 11px; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; }
      .bar { fill: #484f58; }
      .ours { fill: #58a6ff; }
      .name, .title { fill: #e6edf3; }
      .small { fill: #9da7b1; }
    }
"""
_LEFT, _WIDE, _STEP, _WIDTH = 150, 360, 30, 700
_NAMES = {
    "forwarder": "bare forwarder",
    "connector": "this connector",
    "node-red": "Node-RED",
}


def drawn(results: Results) -> str:
    """The SVG: a group of bars for each speed of the external system."""
    shapes, top = [], 30
    for delay in DELAYS:
        row = results.loads[delay, 100]
        most = max(found.rate for found in row.values())
        speed = "at once" if delay == 0 else f"after {delay} ms"
        shapes.append(text(20, top, "title", f"The external system answers {speed}"))
        top += 14
        for name, found in row.items():
            length = found.rate / most * _WIDE
            kind = "ours" if name == "connector" else "bar"
            shapes.append(text(_LEFT - 10, top + 17, "name", _NAMES[name], "end"))
            shapes.append(
                f'  <rect class="{kind}" x="{_LEFT}" y="{top}" width="{length:.0f}" height="22"/>'
            )
            figure = f"{found.rate:.0f} events/s, p99 {found.p99:.0f} ms"
            shapes.append(text(_LEFT + length + 8, top + 16, "small", figure))
            top += _STEP
        top += 24
    shapes.append(text(20, top, "small", f"100 events at a time. {results.machine}"))
    return page("Events a second at 100 concurrent", _STYLE, (_WIDTH, top + 16), shapes)
