"""What other libraries and papers call the places in a model, and what these are called here. Costs nothing.

TransformerLens names hook points, Hugging Face and nnsight modules, pyvene and nnterp outputs of layers; papers write
``9.6`` or ``a9.h6``. None of these is accepted, so that a place has one name; each is answered with the name to use.
"""

import re

_HEADS, _STREAM = "z (the heads)", "resid_pre, resid_mid or resid_post"
WORDS = {
    "head": _HEADS,
    "heads": _HEADS,
    "attn": f"attn_out, or {_HEADS}",
    "attention": f"attn_out, or {_HEADS}",
    "self_attn": f"attn_out, or {_HEADS}",
    "attn_output": "attn_out",
    "attn_result": _HEADS,
    "result": _HEADS,
    "mlp": "mlp_out",
    "mlps": "mlp_out",
    "ffn": "mlp_out",
    "mlp_output": "mlp_out",
    "resid": _STREAM,
    "residual": _STREAM,
    "residual stream": _STREAM,
    "hidden_states": _STREAM,
    "block": "resid_post",
    "block_output": "resid_post",
    "block_input": "resid_pre",
    "neurons": "neuron",
    "mlp_activation": "neuron",
    "embedding": "embed",
    "embeddings": "embed",
    "attn_pattern": "pattern",
    "attn_weights": "pattern",
    "query": "q",
    "key": "k",
    "value": "v",
}
"""By words that people use for components, what these are called here."""

_OF_HOOKS = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "attn.hook_z": "z",
    "attn.hook_result": "z",
    "attn.hook_q": "q",
    "attn.hook_rot_q": "q",
    "attn.hook_k": "k",
    "attn.hook_rot_k": "k",
    "attn.hook_v": "v",
    "attn.hook_pattern": "pattern",
    "attn.hook_attn_scores": "pattern",
    "mlp.hook_pre": "neuron_pre",
    "mlp.hook_pre_linear": "neuron_up",
    "mlp.hook_post": "neuron",
}
"""Of TransformerLens, after ``blocks.9.``."""
_HOOK_WORDS = {name.rpartition(".hook_")[2]: meant for name, meant in _OF_HOOKS.items()} | {
    name.removeprefix("hook_"): meant for name, meant in _OF_HOOKS.items() if "." not in name
}
_ATTENTION, _MLP = (
    r"(?:self_attn|self_attention|attention|attn)",
    r"(?:mlp|feed_forward|ffn|block_sparse_moe)",
)
_OF_MODULES = {
    r"": "resid_post",
    _ATTENTION: "attn_out",
    rf"{_ATTENTION}\.(?:o_proj|out_proj|c_proj|dense|wo)": "z",
    rf"{_ATTENTION}\.(?:q_proj|wq)": "q",
    rf"{_ATTENTION}\.(?:k_proj|wk)": "k",
    rf"{_ATTENTION}\.(?:v_proj|wv)": "v",
    _MLP: "mlp_out",
    rf"{_MLP}\.(?:down_proj|c_proj|dense_4h_to_h|fc_out|w2)": "neuron",
    rf"{_MLP}\.(?:gate_proj|c_fc|dense_h_to_4h|fc_in|w1)": "neuron_pre",
    rf"{_MLP}\.(?:up_proj|w3)": "neuron_up",
    rf"{_MLP}\.(?:act|act_fn|activation_fn)": "neuron",
    r"block_input": "resid_pre",
    r"block_output": "resid_post",
    r"mlp_output": "mlp_out",
    r"mlp_activation": "neuron",
    r"attention_output": "attn_out",
    r"(?:head_)?attention_value_output": "z",
    r"(?:head_)?query_output": "q",
    r"(?:head_)?key_output": "k",
    r"(?:head_)?value_output": "v",
}
"""Of the modules of transformers, after ``model.layers.9.``; and what pyvene reads of a layer."""
_OF_LAYERS = {
    "layers_output": "resid_post",
    "layers_input": "resid_pre",
    "attentions_output": "attn_out",
    "mlps_output": "mlp_out",
}
"""Of nnterp, before ``[9]``."""

_POS = r"(?P<pos>@.+)?"
_HOOK = re.compile(rf"blocks\.(?P<layer>\d{{1,9}})\.(?P<name>(?:attn\.|mlp\.)?hook_\w+){_POS}")
_MODULE = re.compile(
    rf"(?:\w+\.)*(?:layers?|h|blocks)(?:\.|\[)(?P<layer>\d{{1,9}})\]?(?:\.(?P<name>[\w.]+?))?(?:\.(?:output|input))?(?:\[0\])?{_POS}"
)
_LAYERS = re.compile(rf"(?P<name>\w+)\[(?P<layer>\d{{1,9}})\]{_POS}")
_HEAD = re.compile(
    rf"(?:l|a|h|head |layer )?\(?(?P<layer>\d{{1,9}})(?:\.|, ?)(?:h|head )?(?P<head>\d{{1,9}})\)?{_POS}",
    re.IGNORECASE,
)
_LOOSE = re.compile(r"l(?:ayer)?[ _]?(\d{1,9})\.?(?:(h|kv|n)(\d{1,9}))?([^\d\s].*)?", re.IGNORECASE)
_UNIT = re.compile(
    rf"l(?:ayer)?[ _]?(?P<layer>\d{{1,9}})[._ ](?P<kind>head|neuron)s?[._ ]?(?P<index>\d{{1,9}}){_POS}",
    re.IGNORECASE,
)
_PART = re.compile(rf"(?P<part>[am])(?P<layer>\d{{1,9}}){_POS}", re.IGNORECASE)
_PLACES = {"end": "-1", "last": "-1", "final": "-1", "all": "", "first": "0"}
_AT = re.compile(r"(?P<site>.*?) ?(?:@ ?|\[|:)(?P<pos>-?\d+|-?\d*:-?\d*)\]?")
_EMBEDDINGS = re.compile(
    r"(?:\w+\.)*(?:hook_embed|embed_tokens|wte|embed_in|word_embeddings)(?P<pos>@.+)?"
)
_SOURCES = ("zero", "mean", "resample", "noise")
_NOT_SITES = (
    (
        r"(?:L|layer[ _.]?)?\d+",
        "A layer has several, such as 'L9.resid_post', 'L9.attn_out' and 'L9.mlp_out'.",
    ),
    (
        r".*(?:lm_head|unembed|embed_out|logits)",
        "Logits are read by metrics and by run.logits; the last stream is resid_post.",
    ),
    (r".*(?:hook_pos_embed|wpe)", "With positions added, the embedding is 'L0.resid_pre'."),
    (
        r".*(?:ln\d?_?\w*|norm\w*)\.?(?:hook_\w+)?",
        "What comes out of a norm is no site; patch the stream before it, such as 'L9.resid_pre'.",
    ),
)


def meant_component(name: object) -> str:
    """Return the end of a message about a component that there is not: which one was perhaps meant, or nothing.

    Examples
    --------
    >>> from patchwidgets.guesses.places import meant_component
    >>> meant_component("heads"), meant_component("hook_z"), meant_component("hidden")
    (' Did you mean z (the heads)?', ' Did you mean z?', '')
    """
    if not isinstance(name, str):
        return ""
    small = name.lower().strip()
    meant = WORDS.get(small) or _HOOK_WORDS.get(
        small.rpartition("hook_")[2] if "hook_" in small else ""
    )
    return f" Did you mean {meant}?" if meant else ""


def meant_site(given: object) -> str:
    """Return the site that was perhaps meant by what is none, or an empty text; it may still be no site.

    Examples
    --------
    >>> from patchwidgets.guesses.places import meant_site
    >>> [meant_site(each) for each in ("l0h1.q@-1", (9, 6), "m3", "blocks.9.attn.hook_z", "transformer.h.3.attn")]
    ['L0.H1.q@-1', 'L9.H6', 'L3.mlp_out', 'L9.z', 'L3.attn_out']
    """
    if isinstance(given, tuple | list) and len(given) == 2:
        given = ".".join(map(str, given))
    if not isinstance(given, str):
        return ""
    text = given.strip()
    for read in (_hook, _module, _embedding, _nnterp, _head, _part, _loose):
        if site := read(text):
            return site
    return ""


def no_site(text: str) -> str:
    """Return the end of a message about a text that stands for no site, where it stands for something else."""
    if text in _SOURCES:
        return f" To write {text} into a site: pw.Patch('L9.H6', pw.sources.{text}())."
    parts = [part.strip() for part in re.split(r"[,+;]", text)]
    if len(parts) > 1 and all(re.match(r"L\d|embed", part) for part in parts):
        return f" Give sites one by one, as in {', '.join(map(repr, parts))}."
    return next((f" {says}" for form, says in _NOT_SITES if re.fullmatch(form, text)), "")


def last_position(name: str) -> str:
    """Return the end of a message about a position without a name of the task, for words for the first and last."""
    place = _PLACES.get(name.lower())
    if place is None:
        return ""
    return f" Did you mean '@{place}'?" if place else " Without '@', a site is all positions."


def _hook(text: str) -> str:
    match = _HOOK.fullmatch(text)
    return _written(match, _OF_HOOKS.get(match["name"], "")) if match else ""


def _module(text: str) -> str:
    match = _MODULE.fullmatch(text)
    if match is None:
        return ""
    name = match["name"] or ""
    known = (meant for form, meant in _OF_MODULES.items() if re.fullmatch(form, name))
    return _written(match, next(known, ""))


def _nnterp(text: str) -> str:
    match = _LAYERS.fullmatch(text)
    return _written(match, _OF_LAYERS.get(match["name"], "")) if match else ""


def _embedding(text: str) -> str:
    match = _EMBEDDINGS.fullmatch(text)
    return f"embed{match['pos'] or ''}" if match else ""


def _head(text: str) -> str:
    match = _HEAD.fullmatch(text)
    return _written(match, f"H{match['head']}") if match else ""


def _part(text: str) -> str:
    match = _PART.fullmatch(text)
    return (
        _written(match, "attn_out" if match["part"].lower() == "a" else "mlp_out") if match else ""
    )


def _written(match: re.Match[str], component: str) -> str:
    return f"L{match['layer']}.{component}{match['pos'] or ''}" if component else ""


def _loose(text: str) -> str:
    """With the capitals, the dot and the ``@`` that it lacks."""
    at = _AT.fullmatch(text)
    text = f"{at['site']}@{at['pos']}" if at else text
    if one := _UNIT.fullmatch(text):
        return _written(one, f"{one['kind'][0].upper()}{one['index']}")
    match = _LOOSE.fullmatch(text)
    if match is None:
        return ""
    layer, unit, index, rest = match.groups(default="")
    unit = f".{unit.upper()}{index}" if unit else "" if not rest or rest[0] in ".@" else "."
    return f"L{layer}{unit}{rest}"
