"""The explorer as one HTML file, which needs neither a kernel nor the network. Costs nothing.

Its policy allows the scripts in it, by their hashes, and nothing from elsewhere.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
{styles}
</head>
<body>
<main>
<h1>{title}</h1>
{above}<div id="explorer"></div>
<p>{rounding}</p>
<noscript><p>This page needs JavaScript. Nothing in it is loaded from elsewhere.</p></noscript>
<details><summary>The lines of Python that give these numbers</summary><pre id="code">{code}</pre></details>
</main>
<script type="text/plain" id="recording">{recording}</script>
{scripts}
</body>
</html>
"""


_STYLE = """
body { margin: 8px; font: 13px/1.45 system-ui, sans-serif; }
h1 { margin: 4px 12px; font-size: 15px; font-weight: 600; }
details { margin: 8px 12px; }
pre { overflow-x: auto; }
p { margin: 4px 12px; opacity: 0.75; }
@media print {
  body { margin: 0; color-scheme: light; }
  details { display: none; }
}
"""


@dataclass(frozen=True)
class Part:
    """What stands on a page above the explorer.

    Attributes
    ----------
    title
        Of the whole page.
    html
        As it is written into the page: whoever makes it escapes what is in it.
    style
        Its style sheet.
    script
        The name of its bundle in `patchwidgets/static/`.
    """

    title: str
    html: str
    style: str
    script: str


def page_html(
    title: str, code: str, rounding: str, recording: bytes, part: Part | None = None
) -> str:
    """Return the whole file.

    Parameters
    ----------
    title
        What it is about.
    code
        Lines of Python that give its numbers.
    rounding
        What it is exact in, and what not.
    recording
        From `patchwidgets.explorer.recording`.
    part
        What stands above the explorer, with a title of its own.
    """
    names = ["page.js", *([] if part is None else [part.script])]
    scripts = [_inline((STATIC / name).read_text(encoding="utf-8")) for name in names]
    styles = [_STYLE, *([] if part is None else [part.style])]
    policy = (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy,
        title=escape(title if part is None else part.title),
        styles="\n".join(f"<style>{each}</style>" for each in styles),
        above="" if part is None else part.html,
        code=escape(code),
        rounding=escape(rounding),
        recording=base64.b64encode(recording).decode(),
        scripts="\n".join(f'<script type="module">{each}</script>' for each in scripts),
    )


def _hashes(texts: Sequence[str]) -> str:
    """What a policy calls scripts or styles by."""
    return " ".join(_hash(text) for text in texts)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _inline(script: str) -> str:
    """A script in which no text ends the element that holds it."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
