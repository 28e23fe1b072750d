"""Size against likeness as an SVG that reads in light and dark: down and to the left is smaller, up is more alike.

Each tool is a dot; a hollow one changed the text or lost structure of some files. Ours are joined by a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.engine.summary import Line

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 46, 52
#: Labels need this much room above each other.
_LABEL = 15
_STYLE = """
  .card { fill: #ffffff } .grid { stroke: #d8dee4 } .leader { stroke: #8c959f } text { fill: #1f2328 }
  .small { fill: #59636e; font-size: 12px } .rival { fill: #59636e; stroke: #59636e } .hollow { fill: #ffffff }
  .ours { fill: #0969da; stroke: #0969da } .line { stroke: #0969da; fill: none }
  .name { fill: #0969da; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117 } .grid { stroke: #30363d } .leader { stroke: #6e7681 } text { fill: #e6edf3 }
    .small { fill: #9198a1 } .rival { fill: #9198a1; stroke: #9198a1 } .hollow { fill: #0d1117 }
    .ours { fill: #4493f8; stroke: #4493f8 } .line { stroke: #4493f8 } .name { fill: #4493f8 }
  }
"""


def drawn(lines: Sequence[Line]) -> str:
    """The chart."""
    lowest = min([line.ssim for line in lines if line.ssim] + [0.99])
    floor = int(lowest * 50) / 50  # whole steps of 0.02
    plot = [(line, _x(line.geomean), _y(line.ssim, floor)) for line in lines]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="13" '
        f'font-family="system-ui, sans-serif" role="img" aria-label="{escape(_in_words(lines))}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="card" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>',
        f'<text x="{_LEFT}" y="26" font-weight="600">Size of the result and likeness to the original</text>',
        *_axes(floor),
    ]
    ours = sorted((x, y) for line, x, y in plot if _is_ours(line))
    if len(ours) > 1:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in ours)
        parts.append(f'<polyline class="line" stroke-width="1.5" points="{points}"/>')
    for line, x, y in plot:
        kind = "ours" if _is_ours(line) else "rival"
        hollow = " hollow" if line.text_changed or line.structure_lost else ""
        parts.append(f'<circle class="{kind}{hollow}" stroke-width="2" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
    parts += _labels(plot)
    return "\n".join([*parts, "</svg>", ""])


def _axes(floor: float) -> list[str]:
    parts = []
    for n in range(6):
        x = _x(n / 5)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text class="small" x="{x:.1f}" y="{_HEIGHT - 34}" text-anchor="middle">{n / 5:.1f}</text>')
    steps = round((1 - floor) / 0.02)
    for n in range(0, steps + 1, 1 if steps < 8 else 2):
        value = floor + n * 0.02
        y = _y(value, floor)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="small" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    note = "bytes out / bytes in, geometric mean · hollow: changed text or lost structure of some files"
    parts.append(f'<text class="small" x="{_LEFT}" y="{_HEIGHT - 12}">{note}</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(
        f'<text class="small" transform="translate(18 {middle:.0f}) rotate(-90)" text-anchor="middle">SSIM, mean</text>'
    )
    return parts


def _labels(plot: Sequence[tuple[Line, float, float]]) -> list[str]:
    """Names beside the dots; where they crowd, below each other with a thin line to the dot. Ours choose first."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []  # left, right, baseline
    for line, x, y in sorted(plot, key=lambda item: (not _is_ours(item[0]), item[2], -item[1])):
        width = len(line.tool) * (7.6 if _is_ours(line) else 7)
        left = x + 10 if x + 10 + width < _WIDTH - 4 else x - 10 - width
        dots = [(dx, dy) for _, dx, dy in plot if (dx, dy) != (x, y) and left - 7 < dx < left + width + 7]
        labels = [base for start, end, base in taken if left < end and left + width > start]
        base = y + 4
        while any(base - 16 < dy < base + 7 for _, dy in dots) or any(abs(base - other) < _LABEL for other in labels):
            base += 3
        taken.append((left, left + width, base))
        if base - y > 8:
            end = left - 2 if left > x else left + width + 2
            parts.append(f'<path class="leader" d="M{x:.1f} {y + 6:.1f}L{end:.1f} {base - 4:.1f}"/>')
        name = ' class="name"' if _is_ours(line) else ""
        parts.append(f'<text{name} x="{left:.1f}" y="{base:.1f}">{escape(line.tool)}</text>')
    return parts


def _in_words(lines: Sequence[Line]) -> str:
    return "; ".join(f"{line.tool}: size {line.geomean:.2f}, SSIM {line.ssim:.3f}" for line in lines)


def _is_ours(line: Line) -> bool:
    return line.tool.startswith("pdfsmaller")


def _x(size: float) -> float:
    return _LEFT + size * (_WIDTH - _LEFT - _RIGHT)


def _y(ssim: float, floor: float) -> float:
    height = _HEIGHT - _TOP - _BOTTOM
    return _TOP + (1 - max(ssim, floor)) / (1 - floor) * height
