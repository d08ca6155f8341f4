"""Tokens that look like syntax of Mermaid, of Markdown or of HTML, and a small model that reads them."""

from tokenizers import AddedToken

from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

ODD_TOKENS = (
    '"',
    "</script><img src=x onerror=alert(1)>",
    '%%{init: {"theme":"dark"}}%%',
    "; end",
    "#quot;",
    "](javascript:alert(1))",
    "`**bold**`",
    "$$x^2$$",
    "end",
    "1. one",
    "- item",
    "a\nb",
    "<b>x</b>",
    "subgraph",
    "---",
    "_a_",
    "~~~",
    "@{shape: x}",
    "📎 é",
    "\\n",
    "𝛑",
    "style:#x;",
    "classDef a:#b;",
    "ﬂ°lt¶ßx",
    "fa:fa-bell",
    "&#60;",
    "[[x]]",
    "שלום",
    "\u202eabc",
    "a  b",
)


def odd_model(name: str = 'a "model" of <b>') -> Model:
    """A random model whose last tokens are the odd ones."""
    tokenizer = toy_tokenizer(VOCABULARY - len(ODD_TOKENS))
    tokenizer.add_tokens([AddedToken(each, normalized=False) for each in ODD_TOKENS])
    return Model(random_model("llama"), tokenizer, name)
