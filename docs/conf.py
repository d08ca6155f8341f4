"""The documentation site: ``make docs`` builds it, strictly, without the network."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "_ext")]

from built import cache, fingerprint  # noqa: E402 - docs/_ext

import patchwidgets  # noqa: E402

project = "patchwidgets"
author = "The patchwidgets authors"
version = release = patchwidgets.__version__
project_copyright = author

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "explorers",
    "figures",
    "names",
    "links",
]
exclude_patterns = ["_build", "_ext", "**/.ipynb_checkpoints"]

# Tutorials are the notebooks as they ran: copied here (git ignores the copies), not run again.
TUTORIAL = HERE / "tutorial"
shutil.rmtree(TUTORIAL, ignore_errors=True)
TUTORIAL.mkdir()
for _notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
    shutil.copy(_notebook, TUTORIAL)

# ---- pages and the code in them --------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_excludepatterns = ["tutorial/*"]
# Numbers are computed again whenever the package has changed.
nb_execution_cache_path = str(cache() / f"cells-{fingerprint()}")
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_merge_streams = True
# A widget has no kernel here. The picture beside it stands for it, and the directive `explorer` for a live one.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
# Its scripts would be fetched from another machine.
nb_ipywidgets_js = {}

# ---- reference -------------------------------------------------------------------------------

nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"(jaxtyping|numpy|torch)\..*")
]  # of other packages, which are not asked
default_role = "name"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# No docstring, no summary, sections that are unknown or in another order.
# tests/docs/test_reference.py says which sections there must be.
numpydoc_validation_checks = {"GL06", "GL07", "GL08", "SS01"}
numpydoc_validation_exclude = {r"\.METRICS$"}  # a dict
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
add_module_names = False

# ---- how it looks ----------------------------------------------------------------------------

html_theme = "furo"
html_title = "patchwidgets"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#0b57a4", "color-brand-content": "#0b57a4"},
    "dark_css_variables": {"color-brand-primary": "#7cb7ff", "color-brand-content": "#7cb7ff"},
}
