"""How the site is built: ``make docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent)]

from hermite_eq import __version__  # noqa: E402

project = "hermite_eq"
author = "the authors of hermite_eq"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_gallery.gen_gallery",
    "architecture",
    "blocks",
    "mathml",
    "reference",
]
exclude_patterns = ["_extensions", "gallery/**/README.*", "gallery/**/GALLERY_HEADER.*"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = True
suppress_warnings = ["ref.python"]
# Words of a parameter's type are no references.
nitpick_ignore_regex = [("py:class", r"(?!hermite_eq\.).*")]

myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 4

autosummary_generate = False
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples" / "gallery"),
    "gallery_dirs": "gallery",
    "subsection_order": [*(f"../examples/gallery/{part}" for part in ("coefficients", "errors", "design", "beyond")), "*"],
    "capture_repr": ("_repr_html_",),
    "show_signature": False,
    "write_computation_times": False,
    "filename_pattern": r"\.py$",
    "copyfile_regex": r".*\.(csv|npz)",
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1,
    "abort_on_example_error": True,
}

plot_formats = [("png", 130)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = True
plot_rcparams = {"figure.figsize": (7.2, 4.4), "figure.constrained_layout.use": True}
plot_apply_rcparams = True

html_theme = "pydata_sphinx_theme"
html_title = "hermite_eq"
html_sidebars = {page: [] for page in ("index", "start", "explore", "glossary")}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher"],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
