"""Error curves as SVG: a line for each name, runs to the right, powers of ten upwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from tf2torch.parity.findings import END, Measure

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 220, 50, 24
LOWEST, HIGHEST = -17, 3
COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")

Points = Sequence[tuple[int, float]]


def curves(measures: Iterable[Measure], kind: str) -> dict[str, list[tuple[int, float]]]:
    """The errors of each name by run, those with the largest errors first."""
    found: dict[str, list[tuple[int, float]]] = {}
    for measure in measures:
        if measure.kind == kind and measure.run != END:
            found.setdefault(measure.name, []).append((measure.run, measure.relative))
    worst = sorted(found, key=lambda name: -max(error for _, error in found[name]))
    return {name: found[name] for name in worst}


def plot(title: str, lines: Mapping[str, Points], shown: int = len(COLORS)) -> str:
    """One chart; only the first `shown` names are drawn."""
    if not lines:
        return ""
    names = list(lines)[:shown]
    runs = [run for name in names for run, _ in lines[name]]
    exponents = [_exponent(error) for name in names for _, error in lines[name]]
    low, high = min(exponents), max(max(exponents), min(exponents) + 1)
    first, last = min(runs), max(max(runs), min(runs) + 1)

    def x(run: float) -> float:
        return LEFT + (run - first) / (last - first) * (WIDTH - LEFT - 10)

    def y(exponent: float) -> float:
        return 10 + (high - exponent) / (high - low) * (HEIGHT - BOTTOM - 10)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{escape(title)}</title>']
    for exponent in range(math.floor(low), math.ceil(high) + 1, max(1, round((high - low) / 6))):
        if low <= exponent <= high:
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y(exponent):.1f}" y2="{y(exponent):.1f}" '
                f'class="grid"/><text x="4" y="{y(exponent) + 4:.1f}">1e{exponent}</text>'
            )
    for run in (first, last):
        anchor = "start" if run == first else "end"
        parts.append(
            f'<text x="{x(run):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">run {run}</text>'
        )
    for name, color in zip(names, COLORS):
        points = [(x(run), y(_exponent(error))) for run, error in lines[name]]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" stroke="{color}" fill="none"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2" fill="{color}"/>' for a, b in points]
    legend = "".join(
        f'<span><b style="color:{color}">&#9632;</b> {escape(name)}</span> '
        for name, color in zip(names, COLORS)
    )
    more = (
        f"<span>and {len(lines) - shown} with smaller errors</span>" if len(lines) > shown else ""
    )
    return f"<h3>{escape(title)}</h3>{''.join(parts)}</svg><p class=legend>{legend}{more}</p>"


def _exponent(error: float) -> float:
    if not math.isfinite(error):
        return HIGHEST
    return min(max(math.log10(error), LOWEST), HIGHEST) if error > 0 else LOWEST
