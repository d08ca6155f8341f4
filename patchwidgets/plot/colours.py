"""The colours of the runs, the same as in the explorer: blue is clean, orange corrupted, violet the act of patching."""

RUN_COLOURS = {"clean": "#0072B2", "patched": "#3D1466", "corrupted": "#C75300"}
TINTS = {"clean": "#EAF3F9", "corrupted": "#FBF0E8"}
INK = "#1F2328"
FAINT = "#6A737D"
DIVERGING = ("#A34700", "#EE9A5B", "#F4F4F2", "#6DB1DE", "#005A92")
"""From towards corrupted, over unchanged, to towards clean."""
