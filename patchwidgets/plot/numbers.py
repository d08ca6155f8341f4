"""Numbers as people read them, the same as in the explorer: a real minus sign, never finer than the noise floor."""

import math

from patchwidgets.metrics import Metric
from patchwidgets.plot.texts import NO_BREAK

UNDEFINED = "undefined"
MOST_PERCENT = 999


def plain_number(value: float, floor: float = 0.0) -> str:
    """−5.49, 0.916, 12.3: three figures at most."""
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    size = abs(value)
    wanted = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    decimals = min(wanted, max(0, math.floor(-math.log10(floor)))) if floor > 0 else wanted
    text = f"{size:.{decimals}f}"
    return f"−{text}" if value < 0 and float(text) != 0 else text


def signed(value: float, floor: float = 0.0) -> str:
    """The same with its sign: +6.77, −0.963, 0."""
    text = plain_number(value, floor)
    return f"+{text}" if value > 0 and text != "∞" and float(text) != 0 else text


def metric_number(value: float, metric: Metric, floor: float = 0.0) -> str:
    """A metric's value: signed where its sign means something, whole where it counts."""
    if metric.unit == "rank" and float(value).is_integer():
        return str(int(value))
    plain = metric.lower_is_better or metric.unit == "probability"
    return (plain_number if plain else signed)(value, floor)


def percent(share: float) -> str:
    """A share: 58 %, −6 %, 0.4 %, 99.9 %; 100 % only where it is."""
    hundred = share * 100
    size = abs(hundred)
    fine = 0.05 <= size < 9.95 or (size != 100 and round(size) == 100)
    text = f"{size:.{1 if fine else 0}f}".removesuffix(".0")
    return f"{'−' if hundred < 0 and float(text) != 0 else ''}{text}{NO_BREAK}%"


def capped_percent(share: float) -> str:
    """The same, but > 999 % for all that is larger: relative to almost nothing, any change is that large."""
    if not abs(share) > MOST_PERCENT / 100:
        return percent(share)
    return f"{'< −' if share < 0 else '> '}{MOST_PERCENT} %".replace(" ", NO_BREAK)


def probability(part: float) -> str:
    """92.3 %, 0.3 %, < 0.1 %."""
    if math.isnan(part):
        return "–"
    if 0 < part < 0.0005:
        return f"<{NO_BREAK}0.1{NO_BREAK}%"
    return f"{part * 100:.1f}{NO_BREAK}%"
