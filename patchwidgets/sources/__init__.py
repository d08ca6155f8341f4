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
experiment works out their values for its prompts.

Examples
--------
What is lost without L0.H1? The clean run is the host now, and three ablations give three answers: zeros, the mean over
other prompts, and what five other prompts have there.

>>> noising = exp.turned("noise")
>>> others = pw.tasks.ioi(n=20, seed=2)
>>> def without(source): return noising.patch(pw.Patch("L0.H1", source))
>>> round(without(pw.sources.zero()).effect, 2), round(without(pw.sources.mean(others)).effect, 2)
(-6.3, -6.1)
>>> drawn = without(pw.sources.resample(others, n=5, seed=0))
>>> round(drawn.effect, 2), round(drawn.spread, 2)
(-4.36, 3.28)

The same for every head, by ``make=``. Without L1.H0 the model does better at this prompt: of the two names it writes
for the one that comes second. Over many prompts, half of which have the answer there, that cancels.

>>> zeroed = noising.sweep("z", make=lambda site: pw.Patch(site, pw.sources.zero()), progress=False)
>>> zeroed.effect.values.round(1)[:2]
array([[ 0.2, -6.3, -0.3,  1.9],
       [ 9.1, -2.1, -4.1,  2.1]])
>>> many = pw.Experiment(model, pw.tasks.ioi(100), direction="noise")
>>> round(many.patch(pw.Patch("L1.H0", pw.sources.zero())).effect, 1)
-0.7

Steering adds a vector; a dose curve shows how much of it is needed.

>>> vector = exp.clean["L2.resid_post@-1"] - exp.corrupted["L2.resid_post@-1"]
>>> exp.dose_curve("L2.resid_post@-1", vector, [0, 0.5, 1, 2], progress=False).effect.values.round(1)
array([ 0. ,  6.1, 12.7, 19.8])

What another layer has at another position can be put here:

>>> exp.patch(pw.Patch("L2.resid_pre@-1", pw.sources.at("L1.resid_post@9", run="clean")))
PatchResult(L2.resid_pre@-1 = at('L1.resid_post@9', run='clean'), denoise: ..., recovery 0.510)

L0.H1 reads the second name, at position 10, from the last position. Without that:

>>> pattern = exp.clean.pattern("L0.H1")
>>> float(pattern.sel(query=14, key=10).round(2))
0.99
>>> cut = noising.patch(pw.Patch("L0.H1.pattern@-1", pw.sources.cut(10)))
>>> round(cut.effect, 2)
-7.45

Every source that is plain data is written to files and code, and reads back as itself.

>>> pw.sources.resample(others, n=5, seed=0) == pw.sources.resample(others, n=5, seed=0)
True
"""

from typing import TYPE_CHECKING

from patchwidgets.guesses.answering import module_answering
from patchwidgets.guesses.names import SOURCES
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

if not TYPE_CHECKING:  # a type checker has to find a misspelt name
    __getattr__ = module_answering("pw.sources", __all__, SOURCES)
