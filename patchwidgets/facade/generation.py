"""Methods of `pw.Experiment` that let the model write on."""

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import GENERATE_ARGUMENTS
from patchwidgets.methods.generation.api import generate
from patchwidgets.methods.generation.continuations import Generation
from patchwidgets.sites import Patchable


class Generations(BaseExperiment):
    """An experiment whose prompts are continued.

    Examples
    --------
    What would the model have said? The host's continuation and the patched one, pair by pair.

    >>> generation = exp.generate("L0.H1", max_new_tokens=3)
    >>> pair = generation[0]
    >>> pair.host.text, pair.patched.text, pair.first_difference.index
    (' John.<eos>', ' Mary.<eos>', 0)

    A patch that changes nothing says the same, and so has no difference.

    >>> exp.generate("L3.H0@1", max_new_tokens=3)[0].first_difference is None
    True
    """

    @answers(GENERATE_ARGUMENTS)
    def generate(
        self,
        *patches: Patchable,
        max_new_tokens: int = 20,
        every_step: bool = False,
        temperature: float = 0.0,
        seed: int | None = None,
    ) -> Generation:
        """Continue the host prompt of each pair, unpatched and patched, and show both side by side.

        By default a patch acts on the prompt alone, in the one pass that reads it. What it changed there stays in the
        keys and values that all later tokens attend to; the generated tokens themselves are computed as always. This is
        what ``hf_model.generate`` does inside ``model.patching(...)``.

        With ``every_step=True`` what is patched at the last position of the prompt is patched again at each generated
        token. That has a meaning only for a value that is the same everywhere (a tensor; of a tensor with several
        positions, the last) and for a function of the host (``Patch(site, "host", fn=...)``, which then gets the
        activation at the generated token as both arguments). Copies from a run are refused: its prompt has no
        counterpart of a generated token. Patches at other positions still act on the prompt alone.

        Parameters
        ----------
        patches
            As in `patch`; several act jointly.
        max_new_tokens
            The most tokens to generate. A continuation ends earlier at an end token of the model.
        every_step
            See above.
        temperature, seed
            0 takes the token with the largest logit. Above 0 tokens are sampled with this seed, and both runs of a pair
            share their noise (Gumbel noise added to logits / temperature): where the patch changes no logit, they say
            the same. Nothing else of the model's generation config is applied but its end tokens.

        Returns
        -------
        Generation
            For each pair both continuations and the first token that differs, with the margins by which each run
            preferred its own.

        Raises
        ------
        SiteError, RefusedError, CounterpartError, WeightsChangedError
            As in `patch`.
        PatchError
            As in `patch`; a patch that has no value at a generated token; sampling without a seed.
        TaskError
            The model has no positions for the longest prompt with so many tokens after it.

        Examples
        --------
        >>> exp.generate("L0.H1", max_new_tokens=3)
        Generation(L0.H1, denoise; greedy; patched in the prompt only: ...)
        corrupted prompt: '<bos> When Mary and John went to the store, Mary gave a drink to'
          host     ' John.<eos>' (ended)
          patched  ' Mary.<eos>' (ended)
          differs from token 0 on: ' John' and ' Mary'

        Steering: a vector added to the stream at the end of the prompt and at every token after it.

        >>> vector = exp.clean["L2.resid_post@-1"] - exp.corrupted["L2.resid_post@-1"]
        >>> steer = pw.Patch("L2.resid_post@-1", "host", fn=lambda host, _: host + vector[:, :1])
        >>> exp.generate(steer, max_new_tokens=3, every_step=True)[0].first_difference.patched
        ' Mary'
        """
        return generate(self, patches, max_new_tokens, every_step, temperature, seed)
