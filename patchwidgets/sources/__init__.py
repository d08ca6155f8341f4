"""What a patch writes, beside runs and tensors: ``pw.Patch(site, source=pw.sources.zero())``. Frozen data.

| source | what is written |
|---|---|
| `zero` | zeros |
| `mean` | the mean over prompts: at each position, at a named one, or over all positions |
| `resample` | the activation of another pair, drawn at random |
| `noise` | the embedding plus Gaussian noise, as in causal tracing |
| `steer` | the activation plus a multiple of a vector |
| `at` | the activation at another site: another layer, head or position of any run |
| `cut` | a pattern without some keys |

They go wherever a `Patch` goes: ``exp.patch``, joint patches, the ``sites=`` and ``make=`` of ``exp.sweep``. An
experiment works out their values (`experiment.sources`).
"""

from patchwidgets.sources.ablations import mean, noise, resample, zero
from patchwidgets.sources.attention import cut
from patchwidgets.sources.files import from_json, to_json
from patchwidgets.sources.moved import at, steer

__all__ = [
    "at",
    "cut",
    "from_json",
    "mean",
    "noise",
    "resample",
    "steer",
    "to_json",
    "zero",
]
