"""Functions, metrics, models and other words that people know from elsewhere, and ours. Plain data; costs nothing.

By name in small letters.
"""

PACKAGE = {
    **dict.fromkeys(
        (
            "from_pretrained",
            "load_model",
            "hookedtransformer",
            "languagemodel",
            "standardizedtransformer",
            "automodel",
        ),
        "Use pw.load('gpt2'), or pw.wrap(hf_model, tokenizer).",
    ),
    **dict.fromkeys(
        ("activation_patching", "patching", "run_patch"),
        "Use pw.Experiment(model, task).sweep('z') or .patch('L9.H6').",
    ),
    **dict.fromkeys(
        ("patch_head", "path_patching", "gate", "estimate"),
        "It is a method of pw.Experiment(model, task).",
    ),
    **dict.fromkeys(
        ("widget", "show", "explore_widget", "app", "ui"), "Use pw.explore(model, task)."
    ),
    **dict.fromkeys(
        ("dataset", "prompts", "pairs", "pair"),
        "Use pw.Task(clean=..., corrupted=..., answer=..., foil=...).",
    ),
    **dict.fromkeys(
        ("lens", "logit_lens", "logitlens"), "Use exp.clean.lens(), or model.run(text).lens()."
    ),
    "ablate": "Use pw.Patch('L9.H6', pw.sources.zero()).",
    "load_sweep": "Use pw.SweepResult.load('sweep.nc').",
    "heads": "Use model.sites('z').",
}
PLOT = {
    **dict.fromkeys(
        ("bar", "barplot", "tokens", "top_tokens"), "Use pw.plot.logits(exp.patch('L9.H6'))."
    ),
    **dict.fromkeys(("line", "lineplot", "depth"), "Use pw.plot.layers(s)."),
    **dict.fromkeys(
        ("imshow", "map", "sweep", "patching", "heads", "matrix"), "Use pw.plot.heatmap(s)."
    ),
    **dict.fromkeys(
        ("attention", "attention_pattern", "attention_map"), "Use pw.plot.pattern(r, 'L9.H6')."
    ),
    **dict.fromkeys(
        ("scatter", "comparison", "correlation", "estimates"),
        "Use pw.plot.compare(estimate.compare(exact)).",
    ),
    **dict.fromkeys(
        ("show", "savefig", "figure", "subplots"),
        "Figures are matplotlib's: plt.show(), or ax.figure.savefig('a.pdf').",
    ),
    "lanes": "Use pw.plot.flow(r).",
    "patch": "Use pw.plot.flow(r), or pw.plot.logits(r).",
    "logit_lens": "Use pw.plot.lens(exp.clean.lens()).",
    "graph": "Use pw.plot.circuit(circuit), or pw.plot.paths(...).",
}
TASKS = {
    "indirect_object_identification": "Use pw.tasks.ioi().",
    "greater": "Use pw.tasks.greater_than().",
    "gt": "Use pw.tasks.greater_than().",
    **dict.fromkeys(("sva", "subject_verb_agreement"), "Use pw.tasks.agreement()."),
    **dict.fromkeys(("gender", "gendered_pronoun", "pronouns"), "Use pw.tasks.pronoun()."),
    **dict.fromkeys(("country_capital", "capitals"), "Use pw.tasks.capital()."),
    "color": "Use pw.tasks.colour().",
    "add": "Use pw.tasks.addition().",
    "sum": "Use pw.tasks.addition().",
    **dict.fromkeys(("load", "from_csv", "read_csv"), "Use pw.Task.from_csv('pairs.csv')."),
    "from_frame": "Use pw.Task.from_frame(frame).",
    "from_json": "Use pw.Task.from_json('task.json').",
}
SOURCES = {
    **dict.fromkeys(
        ("zero_ablation", "ablate", "zero_ablate", "knockout"), "Use pw.sources.zero()."
    ),
    **dict.fromkeys(("mean_ablation", "average"), "Use pw.sources.mean()."),
    **dict.fromkeys(
        ("random", "resample_ablation", "resampling", "shuffle"), "Use pw.sources.resample()."
    ),
    **dict.fromkeys(("gaussian", "gaussian_noise", "corrupt"), "Use pw.sources.noise()."),
    **dict.fromkeys(("attention_knockout", "mask", "block"), "Use pw.sources.cut(key)."),
    **dict.fromkeys(("add", "steering", "vector"), "Use pw.sources.steer(vector)."),
    "freeze": "Use pw.Patch(site, 'host').",
    "host": "Use pw.Patch(site, 'host').",
    "clean": "Use pw.Patch(site, 'clean').",
    "corrupted": "Use pw.Patch(site, 'corrupted').",
    "run": "Use pw.Patch(site, model.run(text)).",
    "constant": "A tensor is a source itself: pw.Patch(site, tensor).",
}
METRICS = {
    **dict.fromkeys(
        ("logit_difference", "logitdiff", "logit", "ld"),
        "Did you mean 'logit_diff', or 'answer_logit'?",
    ),
    **dict.fromkeys(
        ("prob", "probability", "p", "probs"), "Did you mean 'answer_prob', or 'prob_diff'?"
    ),
    **dict.fromkeys(("kl_div", "kl_divergence", "kldiv"), "Did you mean 'kl'?"),
    **dict.fromkeys(
        ("logprob", "log_prob", "loss", "nll", "cross_entropy"), "Did you mean 'answer_logprob'?"
    ),
    **dict.fromkeys(
        ("accuracy", "acc", "top1", "correct"),
        "Did you mean 'rank'? How many pairs are right is exp.accuracy.",
    ),
}
HELIX = {
    "fit_helix": "Use pw.helix.fit_numbers(numbers, activations).",
    "plot": "Draw its arrays with matplotlib; pw.plot draws sweeps and patches.",
    "fourier": "Use pw.helix.spectrum(activations).",
    "fft": "Use pw.helix.spectrum(activations).",
    "numbers": "Use pw.helix.NUMBERS.",
    "pca": "Use pw.helix.pca_reconstruction(...).",
    "patch": "Use pw.helix.patch_values(...), or compare_patches.",
}
AXES = {
    **dict.fromkeys(
        ("position", "positions", "token", "tokens", "seq", "sequence"), "Did you mean 'pos'?"
    ),
    **dict.fromkeys(("layers",), "Did you mean 'layer'?"),
    **dict.fromkeys(("heads",), "Did you mean 'head'?"),
    **dict.fromkeys(("neurons", "unit", "units"), "Did you mean 'neuron'?"),
}
DTYPES = {
    **dict.fromkeys(("fp16", "f16", "16"), "Did you mean 'float16'?"),
    **dict.fromkeys(("bf16",), "Did you mean 'bfloat16'?"),
    **dict.fromkeys(("fp32", "f32", "full"), "Did you mean 'float32'?"),
}
DIRECTIONS = {
    **dict.fromkeys(("denoising", "clean", "restore"), "Did you mean 'denoise'?"),
    **dict.fromkeys(("noising", "corrupt", "corrupted", "ablate"), "Did you mean 'noise'?"),
}
MODELS = {
    **dict.fromkeys(
        ("teaching", "teaching model", "teaching-model", "toy", "default", "demo"),
        "The teaching model is in the package: pw.load().",
    ),
    **dict.fromkeys(
        (
            "smollm",
            "smollm2",
            "smollm2-135m",
            "smollm2-135m-instruct",
            "smollm2_135m",
            "smollm-135m",
            "smol",
        ),
        "The SmolLM2-135M-Instruct of the installed package is pw.load('smollm2').",
    ),
    "gpt2-small": "On the hub it is called 'gpt2'.",
    "gpt-2": "On the hub it is called 'gpt2'.",
    "gpt-j": "On the hub it is called 'EleutherAI/gpt-j-6b'.",
    "gpt-j-6b": "On the hub it is called 'EleutherAI/gpt-j-6b'.",
    **{
        f"pythia-{size}": f"On the hub it is called 'EleutherAI/pythia-{size}'."
        for size in ("14m", "31m", "70m", "160m", "410m", "1b", "1.4b", "2.8b", "6.9b", "12b")
    },
}

HOMES = {
    "tasks": "addition agreement antonym capital colour division docstring greater_than hypernym induction ioi modular "
    "multiplication pronoun subtraction",
    "plot": "attribution by_layer circuit compare dose enough_needed faithfulness fig_caption first_component flow "
    "flow_png heatmap heatmaps layers lens_scores logit_waves logits neuron_map neuron_maps neuron_roles neurons_kept "
    "panels paths pattern spectrum style total_direct",
    "sources": "at cut mean noise resample steer zero",
    "metrics": "answer_logit answer_logprob answer_prob kl logit_diff prob_diff rank",
}
"""Names that are not in ``pw`` itself, by the module that has them."""


def home_of(name: str) -> dict[str, str]:
    """Return where a name is that is not in ``pw`` itself, as advice about it; nothing if it is nowhere.

    Examples
    --------
    >>> from patchwidgets.guesses.names import home_of
    >>> home_of("ioi"), home_of("nowhere")
    ({'ioi': 'It is pw.tasks.ioi.'}, {})
    """
    home = next((home for home, names in HOMES.items() if name in names.split()), "")
    return {name: f"It is pw.{home}.{name}."} if home else {}
