"""The picture of a burst's drain: events that are done, over time, for each setting, as SVG.

Settings whose curves lie on each other are drawn as one curve that names them all.
"""

from benchmarks.burst import Drained
from benchmarks.svg import page, text

_STYLE = """
    .ground { fill: #ffffff; }
    .axis { stroke: #afb8c1; fill: none; }
    .curve { fill: none; stroke-width: 2.5; }
    .c0 { stroke: #cf222e; }
    .c1 { stroke: #0969da; }
    .c2 { stroke: #9a6700; stroke-dasharray: 7 4; }
    .c3 { stroke: #8250df; stroke-dasharray: 2 3; }
    .name { fill: #1f2328; }
    .small { fill: #57606a; font-size: 11px; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; }
      .axis { stroke: #484f58; }
      .c0 { stroke: #ff7b72; }
      .c1 { stroke: #58a6ff; }
      .c2 { stroke: #d29922; }
      .c3 { stroke: #d2a8ff; }
      .name { fill: #e6edf3; }
      .small { fill: #9da7b1; }
    }
"""
_LEFT, _TOP, _WIDE, _HIGH = 60, 40, 640, 260
_POINTS, _TICKS = 120, 5
_APART = 0.02  # of the width: curves that are nearer everywhere cannot be told apart
_LINE = 20  # from one line of the legend to the next


def drawn(curves: dict[str, Drained]) -> str:
    """The SVG; `curves` are the settings by name."""
    events = max(each.events for each in curves.values())
    most = max(each.last for each in curves.values())
    shapes = _axes(events, most)
    y = _TOP + _HIGH + 60
    for number, names in enumerate(grouped(curves, most)):
        each = curves[names[0]]
        kind = f"curve c{number}"
        step = max(1, each.events // _POINTS)
        points = [(each.waits[at], at + 1) for at in range(0, each.events, step)]
        shapes.append(_line(kind, [(0, 0), *points, (each.last, each.events)], events, most))
        shapes.append(f'  <path class="{kind}" d="M{_LEFT} {y - 4} h36"/>')
        for place, said in enumerate(_legend({name: curves[name] for name in names})):
            shapes.append(text(_LEFT + 48, y, "small" if place else "name", said))
            y += _LINE
    return page("How a burst drains", _STYLE, (_LEFT + _WIDE + 40, y + 4), shapes)


def grouped(curves: dict[str, Drained], most: float) -> list[list[str]]:
    """The names of the settings, those together whose curves cannot be told apart."""
    found: list[list[str]] = []
    for name, each in curves.items():
        same = next((names for names in found if _alike(each, curves[names[0]], most)), None)
        if same is None:
            found.append([name])
        else:
            same.append(name)
    return found


def _alike(one: Drained, other: Drained, most: float) -> bool:
    if one.events != other.events:
        return False
    return all(
        abs(one.waits[at] - other.waits[at]) < _APART * most
        for at in range(0, one.events, max(1, one.events // _POINTS))
    )


def _legend(curves: dict[str, Drained]) -> list[str]:
    """What the lines of the legend say: one setting, or how many share the curve and which."""
    names = [name.replace("`", "").replace("none", "no limit") for name in curves]
    ends = sorted({f"{each.last:.0f}" for each in curves.values()}, key=float)
    done = f"all done after {' to '.join(dict.fromkeys((ends[0], ends[-1])))} s"
    if len(names) == 1:
        return [f"{names[0]}: {done}"]
    return [f"{len(names)} settings, one curve: {done}", *(f"- {name}" for name in names)]


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
