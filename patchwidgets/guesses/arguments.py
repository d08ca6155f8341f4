"""Arguments that people know from elsewhere, and what to give here. Plain data; costs nothing.

By name in small letters.
"""

_WHEN_LOADED = (
    "Choose it when the model is loaded: pw.load('gpt2', dtype='bfloat16', device='cuda')."
)
_IN_THE_TASK = "It belongs to the task: pw.Task(clean=..., corrupted=..., answer=..., foil=...)."
_AFTER_THE_SITE = "A position stands after its site, as in exp.patch('L9.H6@-1') or 'L9.H6@S2'."
_MEASURE = (
    "Choose metrics with exp.measuring(['logit_diff', 'kl']), or in pw.Experiment(metric=...)."
)
_SOURCE = "What is written belongs to the patch: exp.patch(pw.Patch('L9.H6', pw.sources.zero()))."
_ON_WORKERS = "Give executor=, as in executor=dask.distributed.Client(address); docs/clusters.md names others."
_PARTS = "Give resume='folder': parts are kept there, and a later call goes on."
_IN_THE_SITE = "Layer, head and position are in the name of a site, as in 'L9.H6@-1'."
_N = "The number of pairs is n, as in pw.tasks.ioi(n=32)."
_FIGURE = "Its size is that of the figure: give ax=, or set it with pw.plot.style(...)."

EXPERIMENT_ARGUMENTS = {
    "metrics": "metric= takes a list too: pw.Experiment(model, task, metric=['logit_diff', 'kl']).",
    "clean": _IN_THE_TASK,
    "corrupted": _IN_THE_TASK,
    "answer": _IN_THE_TASK,
    "foil": _IN_THE_TASK,
    "prompt": _IN_THE_TASK,
    "prompts": _IN_THE_TASK,
    "dataset": "A dataset is a task: pw.Experiment(model, pw.Task.from_csv('pairs.csv')).",
    "bos": "It belongs to the task: pw.Task(..., bos=True).",
    "prepend_bos": "It belongs to the task: pw.Task(..., bos=True).",
    "positions": "They belong to the task: pw.Task(..., positions={'S2': 9}).",
    "tokenizer": "A model and its tokenizer go together: pw.wrap(hf_model, tokenizer).",
    "dtype": _WHEN_LOADED,
    "device": _WHEN_LOADED,
    "batch_size": "Batches are chosen by a sweep: exp.sweep('z', batch=8).",
    "mode": "direction= is 'denoise' or 'noise'.",
}
PATCH_ARGUMENTS = {
    "pos": _AFTER_THE_SITE,
    "position": _AFTER_THE_SITE,
    "positions": _AFTER_THE_SITE,
    "token": _AFTER_THE_SITE,
    "layer": _IN_THE_SITE,
    "head": _IN_THE_SITE,
    "neuron": _IN_THE_SITE,
    "component": _IN_THE_SITE,
    "site": "Sites are given without a name: exp.patch('L9.H6', 'L4.mlp_out').",
    "sites": "Sites are given one by one, without a name: exp.patch('L9.H6', 'L4.mlp_out').",
    "patches": "Patches are given one by one, without a name: exp.patch('L9.H6', 'L4.mlp_out').",
    "source": _SOURCE,
    "value": _SOURCE,
    "ablation": _SOURCE,
    "fn": "A function belongs to the patch: exp.patch(pw.Patch('L9.H6', fn=lambda host, source: ...)).",
    "alpha": "Use exp.patch(pw.Patch(site, pw.sources.steer(vector, alpha=2))).",
    "metric": _MEASURE,
    "metrics": _MEASURE,
    "reach": "Use exp.reach('L9.H6'), or exp.patch('L9.H6').reach().",
}
SWEEP_ARGUMENTS = {
    "pos": "Positions are an axis: exp.sweep('resid_pre', over=('layer', 'pos')).sel(pos=-1).",
    "position": "Positions are an axis: exp.sweep('resid_pre', over=('layer', 'pos')).sel(pos=-1).",
    "positions": "Positions are an axis: exp.sweep('resid_pre', over=('layer', 'pos')).sel(pos=-1).",
    "axes": "Axes are over=, as in exp.sweep('resid_pre', over=('layer', 'pos')).",
    "dims": "Axes are over=, as in exp.sweep('resid_pre', over=('layer', 'pos')).",
    "by": "Axes are over=, as in exp.sweep('resid_pre', over=('layer', 'pos')).",
    "layer": "Give layers=[3].",
    "head": "Sweep all heads and select, exp.sweep('z').sel(head=3), or name sites=['L9.H6', 'L8.H6'].",
    "heads": "Sweep all heads and select, exp.sweep('z').sel(head=3), or name sites=['L9.H6', 'L8.H6'].",
    "components": "Several are swept together by exp.sweep_many(['z', 'mlp_out']).",
    "metric": _MEASURE,
    "metrics": _MEASURE,
    "source": "Give make=lambda site: pw.Patch(site, pw.sources.zero()).",
    "ablation": "Give make=lambda site: pw.Patch(site, pw.sources.zero()).",
    "value": "Give make=lambda site: pw.Patch(site, pw.sources.zero()).",
    "batch_size": "Give batch=8.",
    "method": "A sweep is exact; estimates are exp.estimate('z', method='atp').",
    "verbose": "Give progress=False.",
    "k": "Give top=100.",
    "n": "Give top=100.",
    "n_jobs": _ON_WORKERS,
    "workers": _ON_WORKERS,
    "n_workers": _ON_WORKERS,
    "num_workers": _ON_WORKERS,
    "client": _ON_WORKERS,
    "pool": _ON_WORKERS,
    "cache": _PARTS,
    "checkpoint": _PARTS,
    "checkpoint_dir": _PARTS,
}
ESTIMATE_ARGUMENTS = {**SWEEP_ARGUMENTS, "n_steps": "Give steps=5.", "ig_steps": "Give steps=5."}
del ESTIMATE_ARGUMENTS["method"]
EDGES_ARGUMENTS = {
    **SWEEP_ARGUMENTS,
    "method": "Edges are exact here; estimates are exp.estimate_edges(method='eap').",
    "n_steps": "Integrated gradients are exp.estimate_edges(method='eap-ig', steps=5).",
}
TOP_ARGUMENTS = {
    "n": "Give k=5.",
    "top_k": "Give k=5.",
    "quantity": "Sites are ranked by effect; s.to_frame() sorts by others.",
}
GENERATE_ARGUMENTS = {
    **PATCH_ARGUMENTS,
    "max_tokens": "Give max_new_tokens=20.",
    "max_length": "Give max_new_tokens=20.",
    "n": "Give max_new_tokens=20.",
    "do_sample": "Above 0, temperature=1.0 samples, with a seed=0.",
}
LENS_ARGUMENTS = {
    "layer": "Give layers=[3].",
    "position": "Give pos=-1.",
    "token": "Give answer=' Mary', a token to follow.",
    "top_k": "Give k=5.",
    "n": "Give k=5.",
}
RUN_ARGUMENTS = {
    "cache": "Give record=['L9.H6'], the sites to record.",
    "sites": "Give record=['L9.H6'], the sites to record.",
    "names_filter": "Give record=['L9.H6'], the sites to record.",
    "hooks": "Give record=['L9.H6'] to read; to write, use model.patching(...).",
    "prompt": "The text comes first: model.run('12+34=').",
    "prompts": "The texts come first: model.run(['12+34=', '1+1=']).",
    "prepend_bos": "Give bos=True.",
    "add_special_tokens": "Give bos=True.",
}
LOAD_ARGUMENTS = {
    "model": "The name comes first: pw.load('gpt2').",
    "model_name": "The name comes first: pw.load('gpt2').",
    "path": "A folder comes first: pw.load('models/mine').",
    "torch_dtype": "Give dtype='bfloat16'.",
    "precision": "Give dtype='bfloat16'.",
    "tokenizer": "A model with another tokenizer is loaded with transformers: pw.wrap(hf_model, tokenizer).",
    "hf_model": "A model in memory goes to pw.wrap(hf_model, tokenizer).",
    "fold_ln": "Weights stay as they are; nothing is folded.",
    "center_writing_weights": "Weights stay as they are; nothing is centred.",
    "center_unembed": "Weights stay as they are; nothing is centred.",
    "load_in_8bit": "Quantise with transformers, and give the model to pw.wrap(hf_model, tokenizer).",
    "quantization_config": "Quantise with transformers, and give the model to pw.wrap(hf_model, tokenizer).",
}
TASK_ARGUMENTS = {
    "prompt": "The two prompts are clean= and corrupted=.",
    "prompts": "The two prompts are clean= and corrupted=.",
    "corrupt": "It is called corrupted=.",
    "counterfactual": "It is called corrupted=.",
    "base": "It is called clean=, or corrupted=: the two prompts that are compared.",
    "target": "What the clean run should say is answer=, and what the corrupted one says foil=.",
    "label": "What the clean run should say is answer=.",
    "answers": "It is called answer=, also for a list of them.",
    "correct": "What the clean run should say is answer=.",
    "wrong": "What the corrupted run says is foil=.",
    "incorrect": "What the corrupted run says is foil=.",
    "wrong_answer": "What the corrupted run says is foil=.",
    "distractor": "What the corrupted run says is foil=.",
    "foils": "It is called foil=, also for a list of them.",
    "pos": "Give positions={'S2': 9}.",
    "prepend_bos": "Give bos=True.",
}
GENERATOR_ARGUMENTS = {
    **dict.fromkeys(
        ("n_pairs", "n_samples", "n_prompts", "num", "num_samples", "size", "count", "k"), _N
    ),
    "random_state": "Give seed=0.",
    "rng": "Give seed=0.",
    "tokenizer": "Give model=model, which has one.",
    "vary": "Give varies='a', 'b' or 'both'.",
    "split": "Give part='test'.",
}
SITE_ARGUMENTS = {
    "position": "It is called pos=.",
    "head": "It is called index=, for heads, neurons and features.",
    "neuron": "It is called index=, for heads, neurons and features.",
    "name": "A name is read by pw.Site.parse('L9.H6').",
}
PATCH_CLASS_ARGUMENTS = {
    "pos": "A position stands after the site, as in pw.Patch('L9.H6@-1').",
    "position": "A position stands after the site, as in pw.Patch('L9.H6@-1').",
    "value": "It is called source=, a tensor, a run, or one of pw.sources.",
    "with": "It is called source=.",
    "layer": "Give the site as text: pw.Patch('L9.H6').",
    "head": "Give the site as text: pw.Patch('L9.H6').",
    "component": "Give the site as text: pw.Patch('L9.H6').",
    "function": "It is called fn=.",
    "alpha": "Use pw.Patch(site, pw.sources.steer(vector, alpha=2)).",
}
SOURCE_ARGUMENTS = {
    "task": "Give of=task.",
    "dataset": "Give of=task.",
    "over": "Give per='pos', 'pos_name' or None.",
    "dim": "Give per='pos', 'pos_name' or None.",
    "sigma": "Give scale=3, in standard deviations of the embedding.",
    "std": "Give scale=3, in standard deviations of the embedding.",
    "coef": "Give alpha=2.",
    "coefficient": "Give alpha=2.",
    "strength": "Give alpha=2.",
}
FIGURE_ARGUMENTS = {
    "vmin": "Colours are symmetric around no effect: limit=0.5 is from -0.5 to 0.5.",
    "vmax": "Colours are symmetric around no effect: limit=0.5 is from -0.5 to 0.5.",
    "clim": "Colours are symmetric around no effect: limit=0.5 is from -0.5 to 0.5.",
    "center": "Colours are symmetric around no effect, always.",
    "value": "Give quantity='effect', 'share', 'recovery' or 'value'.",
    "kind": "Give quantity='effect', 'share', 'recovery' or 'value'.",
    "annot": "Give annotate=True.",
    "colorbar": "Give cbar=False.",
    "colormap": "Give cmap='RdBu'.",
    "name": "Give title='...'.",
    "figsize": _FIGURE,
    "size": _FIGURE,
    "ylim": "Set it on the axes that are returned: ax.set_ylim(-1, 1).",
    "ymin": "Set it on the axes that are returned: ax.set_ylim(-1, 1).",
    "ymax": "Set it on the axes that are returned: ax.set_ylim(-1, 1).",
    "top_k": "Give label=5 in pw.plot.layers, and k=5 in pw.plot.logits.",
}
