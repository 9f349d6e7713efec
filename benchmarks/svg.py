"""What the pictures share: a text and the page, as SVG."""

from xml.sax.saxutils import escape


def text(x: float, y: float, kind: str, said: str, anchor: str = "start") -> str:
    """A text of the style `kind`."""
    place = f'x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"'
    return f'  <text class="{kind}" {place}>{escape(said)}</text>'


def page(title: str, style: str, size: tuple[int, int], shapes: list[str]) -> str:
    """The whole picture; `size` is width and height."""
    width, height = size
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="Verdana, \'DejaVu Sans\', sans-serif" font-size="13" role="img" '
            'aria-labelledby="title">',
            f'  <title id="title">{title}</title>',
            f"  <style>{style}  </style>",
            f'  <rect class="ground" width="{width}" height="{height}"/>',
            *shapes,
            "</svg>\n",
        ]
    )
