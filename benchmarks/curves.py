"""The picture of a burst's drain: events that are done, over time, for each setting, as SVG."""

from benchmarks.burst import Drained
from benchmarks.svg import page, text

_STYLE = """
    .ground { fill: #ffffff; }
    .axis { stroke: #afb8c1; fill: none; }
    .curve { fill: none; stroke-width: 2; }
    .buffered { stroke-dasharray: 5 4; }
    .c0 { stroke: #cf222e; }
    .c1 { stroke: #9a6700; }
    .c2 { stroke: #0969da; }
    .ideal { stroke: #57606a; stroke-width: 1; stroke-dasharray: 1 3; fill: none; }
    .name { fill: #1f2328; }
    .small { fill: #57606a; font-size: 11px; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; }
      .axis { stroke: #484f58; }
      .c0 { stroke: #ff7b72; }
      .c1 { stroke: #d29922; }
      .c2 { stroke: #58a6ff; }
      .ideal { stroke: #9da7b1; }
      .name { fill: #e6edf3; }
      .small { fill: #9da7b1; }
    }
"""
_LEFT, _TOP, _WIDE, _HIGH = 60, 40, 600, 240
_KINDS, _POINTS, _TICKS = 3, 120, 5


def drawn(curves: dict[str, Drained], rate: int) -> str:
    """The SVG; `rate` is what the limits let through in a second, drawn as a straight line."""
    events = max(each.events for each in curves.values())
    most = max(each.last for each in curves.values())
    shapes = [*_axes(events, most)]
    shapes.append(_line("ideal", [(0, 0), (events / rate, events)], events, most))
    for number, (name, each) in enumerate(curves.items()):
        kind = f"curve c{number % _KINDS}{' buffered' if number >= _KINDS else ''}"
        step = max(1, each.events // _POINTS)
        points = [(each.waits[at], at + 1) for at in range(0, each.events, step)]
        shapes.append(_line(kind, [(0, 0), *points, (each.last, each.events)], events, most))
        y = _TOP + _HIGH + 60 + 20 * number
        shapes.append(f'  <path class="{kind}" d="M{_LEFT} {y - 4} h30"/>')
        shapes.append(text(_LEFT + 40, y, "name", name.replace("`", "")))
    bottom = _TOP + _HIGH + 60 + 20 * len(curves)
    shapes.append(text(_LEFT, bottom, "small", f"Dotted: {events:,} events at {rate}/s"))
    return page("How a burst drains", _STYLE, (_LEFT + _WIDE + 40, bottom + 20), shapes)


def _axes(events: int, most: float) -> list[str]:
    corner = f"M{_LEFT} {_TOP} v{_HIGH} h{_WIDE}"
    shapes = [f'  <path class="axis" d="{corner}"/>', text(_LEFT, 24, "name", "Events done")]
    for tick in range(_TICKS + 1):
        _, y = _place(0, events * tick / _TICKS, events, most)
        shapes.append(text(_LEFT - 8, y + 4, "small", f"{events * tick // _TICKS:,}", "end"))
    every = max(1, round(most / 60 / _TICKS))
    for minute in range(0, int(most / 60) + 1, every):
        x, _ = _place(minute * 60, 0, events, most)
        shapes.append(text(x, _TOP + _HIGH + 18, "small", f"{minute} min", "middle"))
    return shapes


def _line(kind: str, points: list[tuple[float, float]], events: int, most: float) -> str:
    places = (_place(seconds, done, events, most) for seconds, done in points)
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'  <polyline class="{kind}" points="{told}"/>'


def _place(seconds: float, done: float, events: int, most: float) -> tuple[float, float]:
    return _LEFT + _WIDE * seconds / most, _TOP + _HIGH * (1 - done / events)
