"""The explorer as one HTML file, which needs neither a kernel nor the network. Costs nothing.

Its policy allows the one script in it, by its hash, and nothing from elsewhere.
"""

import base64
import hashlib
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
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<div id="explorer"></div>
<p>{rounding}</p>
<noscript><p>This page needs JavaScript. Nothing in it is loaded from elsewhere.</p></noscript>
<details><summary>The lines of Python that give these numbers</summary><pre id="code">{code}</pre></details>
</main>
<script type="text/plain" id="recording">{recording}</script>
<script type="module">{script}</script>
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


def page_html(title: str, code: str, rounding: str, recording: bytes) -> str:
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
    """
    script = _inline((STATIC / "page.js").read_text(encoding="utf-8"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(_STYLE)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy,
        title=escape(title),
        style=_STYLE,
        code=escape(code),
        rounding=escape(rounding),
        recording=base64.b64encode(recording).decode(),
        script=script,
    )


def _hash(text: str) -> str:
    """What a policy calls a script or a style by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _inline(script: str) -> str:
    """A script in which no text ends the element that holds it."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
