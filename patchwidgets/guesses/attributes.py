"""Attributes that people know from elsewhere, and what to use here. Plain data; costs nothing.

By name in small letters.
"""

_WHEN_LOADED = (
    "Choose it when the model is loaded: pw.load('gpt2', dtype='bfloat16', device='cuda')."
)
_TOP = "Use s.top_sites(5), or s.to_frame().nlargest(5, 'effect')."
_ARRAY = (
    "The numbers are s.effect.values, s.share.values or s.recovery.values; s.to_xarray() has all."
)
_SUMMARY = "Take it of one quantity, which is an array of xarray, as in s.effect.max()."
_ATTRS = "Where a sweep comes from is in s.attrs, as in s.attrs['direction']."
_SWEPT = "A sweep is drawn by pw.plot.heatmap(s) or pw.plot.layers(s)."
_DRAWN = "A patch is drawn by pw.plot.logits(r) or pw.plot.flow(r)."
_EXPLORER = "Use exp.explore(), which shows the explorer."
_ABLATE = "Use exp.turned('noise').patch(pw.Patch('L9.H6', pw.sources.zero())); pw.sources has other ablations."
_RUN = "Use model.run(text), or model.run(text, record=['L9.H6'])['L9.H6'] for activations."
_WRITE = "Use pw.Experiment(model, task).patch('L9.H6'), or `with model.patching(...)` around your own calls."
_HF = "It is in the model of transformers, model.hf_model, as in model.hf_model.config."
_SITES = "The places that can be patched are model.sites('z'), of each of model.components."

EXPERIMENT = {
    "run": "The unpatched runs are exp.clean and exp.corrupted; exp.patch('L9.H6') runs a patch.",
    **dict.fromkeys(("ablate", "zero_ablate", "mean_ablate", "knockout", "zero"), _ABLATE),
    "resample": "Use exp.patch(pw.Patch('L9.H6', pw.sources.resample())).",
    "steer": "Use exp.patch(pw.Patch(site, pw.sources.steer(vector))), or exp.dose_curve(site, vector, alphas).",
    "freeze": "Use exp.patch(..., pw.Patch('L9.H6', 'host')), which keeps what the host has there.",
    "activation_patching": "Use exp.sweep('z'), or exp.patch('L9.H6') for one site.",
    "patching": "Use exp.sweep('z'), or exp.patch('L9.H6') for one site.",
    "patch_all": "Use exp.sweep('z').",
    "sweep_all": "Use exp.sweep_many(['z', 'mlp_out']).",
    "attribution_patching": "Use exp.estimate('z').",
    "attribute": "Use exp.estimate('z'), or exp.clean.logit_attribution().",
    "atp": "Use exp.estimate('z').",
    "eap": "Use exp.estimate_edges().",
    "edge_attribution_patching": "Use exp.estimate_edges().",
    "path_patch": "Use exp.path('L9.H6', 'L11.H0.q').",
    "path_patching": "Use exp.path('L9.H6', 'L11.H0.q'), or exp.sweep_paths(...).",
    "denoise": "Use exp.turned('denoise').patch('L9.H6').",
    "denoising": "Use exp.turned('denoise').",
    "noise": "Use exp.turned('noise').patch('L9.H6').",
    "noising": "Use exp.turned('noise').",
    "reverse": "Use exp.flip(), the other direction.",
    "swap": "Use exp.flip(), the other direction.",
    "other_direction": "Use exp.flip().",
    "compare": "An estimate is compared: exp.estimate('z').compare(exp.sweep('z')).",
    "total_direct": "Use pw.plot.total_direct(exp.sweep('z'), exp.direct_effects('z')).",
    "causal_trace": "Use exp.sweep('mlp_out', over=('layer', 'pos'), window=5).",
    "causal_tracing": "Use exp.sweep('mlp_out', over=('layer', 'pos'), window=5).",
    "logit_lens": "Use exp.clean.lens(), or exp.patch('L9.H6').lens().",
    "lens": "Use exp.clean.lens(), or exp.patch('L9.H6').lens().",
    "dla": "Use exp.clean.logit_attribution().",
    "logit_attribution": "Use exp.clean.logit_attribution(), or exp.patch('L9.H6').logit_attribution().",
    "pattern": "Use exp.clean.pattern('L9.H6'), or exp.patch('L9.H6').pattern('L11.H0').",
    "attention": "Use exp.clean.pattern('L9.H6').",
    **dict.fromkeys(("show", "plot", "widget", "view", "display", "ui", "interact"), _EXPLORER),
    "metric": "Use exp.metrics; the first one is shown, and exp.focused('kl') moves one there.",
    "set_metric": "Use exp.measuring('kl'), which returns an experiment.",
    "with_metric": "Use exp.measuring('kl').",
    "value": "Use exp.clean.value and exp.corrupted.value.",
    "baseline": "Use exp.clean.value and exp.corrupted.value.",
    "clean_run": "Use exp.clean.",
    "corrupted_run": "Use exp.corrupted.",
    "clean_cache": "Use exp.clean['L9.H6'].",
    "corrupted_cache": "Use exp.corrupted['L9.H6'].",
    "cache": "Use exp.clean['L9.H6'] and exp.corrupted['L9.H6'].",
    "activations": "Use exp.clean['L9.H6'] and exp.corrupted['L9.H6'].",
    "clean_logits": "Use exp.clean.logits.",
    "logits": "Use exp.clean.logits and exp.corrupted.logits.",
    "tokens": "Use exp.clean.tokens and exp.corrupted.tokens.",
    "prompts": "Use exp.task.clean and exp.task.corrupted.",
    "answer": "Use exp.task.answer.",
    "foil": "Use exp.task.foil.",
    "n_pairs": "Use len(exp.pairs).",
    "circuit": "Use exp.evaluate(pw.Circuit(['L9.H6'])).",
    "faithfulness": "Use exp.evaluate(pw.Circuit(['L9.H6'])).faithfulness.",
    "truth_table": "Use exp.gate('L9.H6', 'L9.H7').truth_table().",
    "top1": "Use exp.correct('top').",
    "where": "Choose pairs of the task: pw.Experiment(model, task.where(exp.correct())).",
    "save": "Results are saved: exp.sweep('z').save('z.nc'), exp.to_html('page.html'), exp.task.save('task.json').",
    "set_direction": "Use exp.turned('noise'), which returns an experiment.",
}
RUN = {
    "cache": "Use run['L9.H6'].",
    "activations": "Use run['L9.H6'].",
    **dict.fromkeys(
        ("logit_diff", "kl", "answer_prob", "answer_logit", "metrics"),
        "Metrics are in exp.clean.values['logit_diff']; the first one is exp.clean.value.",
    ),
    "probs": "Use run.top_tokens(5), or run.logits.softmax(-1).",
    "top": "Use run.top_tokens(5).",
    "prediction": "Use run.top_tokens(1).",
    "attention": "Use run.pattern('L9.H6').",
    "attention_pattern": "Use run.pattern('L9.H6').",
    "logit_lens": "Use run.lens().",
    "dla": "Use run.logit_attribution().",
    "text": "Use ''.join(run.tokens).",
    "prompt": "Use run.tokens, or run.prompts for their ids.",
    "ids": "Use run.prompts.",
    "residual": "Use run['L9.resid_post'].",
}
PATCH_RESULT = {
    **dict.fromkeys(("plot", "show", "display", "figure"), _DRAWN),
    "save": "Use r.to_frame().to_csv('patch.csv'), or r.experiment.to_html('page.html', *r.sites).",
    "to_html": "Use r.experiment.to_html('page.html', *r.sites).",
    "explore": "Use r.experiment.explore(*r.sites).",
    "to_dataframe": "Use r.to_frame().",
    "to_dict": "Use r.to_frame().to_dict().",
    "clean": "Use r.experiment.clean.",
    "corrupted": "Use r.experiment.corrupted.",
    "patched": "Use r.run, the patched run.",
    "host": "Use r.experiment.host.",
    **dict.fromkeys(
        ("logit_diff", "kl", "answer_prob", "answer_logit", "answer_logprob", "prob_diff", "rank"),
        "Use r['kl'].value or r['kl'].effect; measure more with exp.measuring([...]).",
    ),
    "metrics": "Use r.readings, or r.to_frame().",
    "metric": "Use r.readings; the first metric is the one that r.value has.",
    "tokens": "Use r.run.tokens.",
    "activations": "Use r['L9.H6'], the activation in the patched run.",
    "cache": "Use r['L9.H6'], the activation in the patched run.",
    "attention": "Use r.pattern('L9.H6').",
    "probs": "Use r.top_tokens(5).",
    "top_token": "Use r.run_tokens(1).",
    "generate": "Use r.experiment.generate(*r.patches).",
    "model": "Use r.experiment.model.",
    "effect_size": "Use r.effect, r.share or r.recovery.",
    "normalized": "Use r.share, or r.recovery.",
    "normalised": "Use r.share, or r.recovery.",
    "score": "Use r.effect, r.share or r.recovery.",
    "logit_lens": "Use r.lens().",
    "dla": "Use r.logit_attribution().",
}
SWEEP_RESULT = {
    **dict.fromkeys(("to_dataframe", "to_pandas", "df", "frame", "dataframe"), "Use s.to_frame()."),
    **dict.fromkeys(("to_numpy", "values", "data", "array", "results", "numpy"), _ARRAY),
    "dims": "Use s.axes.",
    "ndim": "Use len(s.axes).",
    "sizes": "Use s.shape, along s.axes; s.to_xarray().sizes has pairs and metrics too.",
    "coords": "Use s.to_xarray().coords.",
    **dict.fromkeys(("dataset", "ds", "xarray", "to_dataset"), "Use s.to_xarray()."),
    **dict.fromkeys(("plot", "heatmap", "show", "imshow", "display"), _SWEPT),
    "to_netcdf": "Use s.save('sweep.nc'), and pw.SweepResult.load('sweep.nc').",
    "to_csv": "Use s.to_frame().to_csv('sweep.csv').",
    "to_json": "Use s.save('sweep.nc'), or s.to_frame().to_json('sweep.json').",
    "to_html": "Use exp.to_html('page.html') for the explorer, or s.to_frame().to_html().",
    **dict.fromkeys(
        ("top", "top_heads", "nlargest", "argmax", "sort_values", "best", "ranking"), _TOP
    ),
    **dict.fromkeys(("max", "min", "mean", "sum", "std", "median", "abs"), _SUMMARY),
    "metric": "Use s.metrics.",
    **dict.fromkeys(("direction", "task", "model", "component", "noise_floor"), _ATTRS),
    **dict.fromkeys(
        ("ci", "confidence_interval", "interval", "errors"),
        "Use s.over_pairs()['effect_low'] and ['effect_high'].",
    ),
    "per_pair": "Use s.to_xarray()['effect'], which has single pairs.",
    "patch": "Use exp.patch(*s.top_sites(1)).",
    "sites": "Use s.site_names().",
    "loc": "Use s.sel(layer=3), or s.to_frame().set_index('site').loc['L9.H6'].",
    "iloc": "Use s.isel(layer=0).",
    "t": "Use s.effect.T.",
}
MODEL = {
    "generate": "Use exp.generate('L9.H6') to compare, or model.hf_model.generate(...).",
    **dict.fromkeys(("tokenize", "to_tokens", "tokens"), "Use model.encode(text)."),
    "to_str_tokens": "Use model.token_strings(model.encode(text)).",
    **dict.fromkeys(
        ("decode", "to_string"), "Use model.token_strings(ids), or model.tokenizer.decode(ids)."
    ),
    **dict.fromkeys(("forward", "logits", "predict", "run_with_cache", "cache", "trace"), _RUN),
    **dict.fromkeys(("run_with_hooks", "add_hook", "hooks", "patch", "intervene", "hook"), _WRITE),
    **dict.fromkeys(
        ("cfg", "config", "state_dict", "parameters", "named_modules", "w_o", "w_u", "w_e"), _HF
    ),
    **dict.fromkeys(
        ("vocab_size", "d_vocab"), "Use len(model.tokenizer), or model.hf_model.config.vocab_size."
    ),
    **dict.fromkeys(("num_layers", "n_layer", "num_hidden_layers"), "Use model.n_layers."),
    **dict.fromkeys(("num_heads", "n_head", "num_attention_heads"), "Use model.n_heads."),
    **dict.fromkeys(("hidden_size", "n_embd", "d_embed"), "Use model.d_model."),
    "d_head": "Use model.run(text)['L0.H0'].shape[-1].",
    **dict.fromkeys(("hook_dict", "hook_points", "layers", "heads", "modules", "blocks"), _SITES),
    **dict.fromkeys(("to", "cuda", "cpu", "half", "bfloat16"), _WHEN_LOADED),
    **dict.fromkeys(
        ("eval", "train"), "Passes always run in eval mode, and leave the model as it was."
    ),
    **dict.fromkeys(("lens", "logit_lens"), "Use model.run(text).lens()."),
    "attention": "Use model.run(text).pattern('L9.H6').",
    "explore": "Use pw.explore(model, task).",
    "sweep": "Use pw.Experiment(model, task).sweep('z').",
}
TASK = {
    **dict.fromkeys(("to_dataframe", "to_pandas", "df", "frame"), "Use task.to_frame()."),
    "to_csv": "Use task.save('task.json'), or task.to_frame().to_csv('pairs.csv', index=False).",
    "to_dict": "Use task.to_frame().to_dict('records').",
    **dict.fromkeys(("prompts", "prompt", "texts"), "Use task.clean and task.corrupted."),
    "corrupt": "Use task.corrupted.",
    "counterfactual": "Use task.corrupted.",
    "answers": "Use task.answer.",
    "targets": "Use task.answer and task.foil.",
    "labels": "Use task.answer and task.foil.",
    "foils": "Use task.foil.",
    "pairs": "Use list(task): it is a sequence of its pairs.",
    **dict.fromkeys(("n", "size", "n_pairs", "shape"), "Use len(task)."),
    "head": "Use task[:5].",
    "filter": "Use task.where(lambda pair: ...).",
    "select": "Use task[[0, 3]], or task.where(lambda pair: ...).",
    "correct": "Use pw.Experiment(model, task).correct().",
    **dict.fromkeys(
        ("shuffle", "sample"), "Choose by numbers: task[random.sample(range(len(task)), 10)]."
    ),
    **dict.fromkeys(
        ("tokens", "clean_tokens", "ids"),
        "Use pw.Experiment(model, task).clean.tokens, or .pairs for ids.",
    ),
    "split": "Use task[:80] and task[80:]; generators take part='test'.",
    "explore": "Use pw.explore(model, task).",
}
EXPLORER = {
    "patch": "Use w.select('L9.H6'), and w.result.",
    "export": "Use w.to_html('page.html'), w.to_code() or w.to_mermaid().",
    **dict.fromkeys(
        ("to_png", "to_svg", "figure", "savefig", "plot"),
        "Use pw.plot.flow(w.result), or the page's own button.",
    ),
    **dict.fromkeys(("selected", "sites", "patches"), "Use w.selection."),
    "code": "Use w.to_code().",
    "html": "Use w.to_html().",
    "show": "It shows itself as the last line of a cell; display(w) does too.",
    "results": "Use w.history.",
    "task": "Use w.experiment.task.",
    "model": "Use w.experiment.model.",
    "sweep": "Use w.experiment.sweep('z').",
}
LENS_RESULT = {
    "plot": "Use pw.plot.lens(lens).",
    "top": "Use lens.top_tokens(layer=3).",
    "tokens": "Use lens.top_tokens(layer=3).",
    "probs": "Use lens.to_xarray()['answer_prob'].",
    "to_dataframe": "Use lens.to_frame().",
}
CIRCUIT = {
    "nodes": "Use list(circuit).",
    "evaluate": "Use exp.evaluate(circuit).",
    "faithfulness": "Use exp.evaluate(circuit).faithfulness.",
    "run": "Use exp.evaluate(circuit).",
    "plot": "Use pw.plot.circuit(circuit), or circuit.to_mermaid().",
}
REACH = {"values": "Use reach.along['z'], or reach.to_frame().", "plot": "Use reach.to_frame()."}
