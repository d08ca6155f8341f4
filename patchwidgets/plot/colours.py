"""The colours, the same as in the explorer: blue is clean, orange corrupted, violet patched."""

RUN_COLOURS = {"clean": "#0072B2", "patched": "#3D1466", "corrupted": "#C75300"}
TINTS = {"clean": "#EAF3F9", "corrupted": "#FBF0E8"}
"""The background of a lane, by the prompt that runs in it."""

INK = "#1F2328"
FAINT = "#6A737D"
DIVERGING = ("#A34700", "#EE9A5B", "#F4F4F2", "#6DB1DE", "#005A92")
"""The colour scale of maps: from corrupted (the first) over no change to clean (the last)."""
