"""docs/methods.md and CITATION.cff name the same papers, and every paper that a table names has its link."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
METHODS = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
BODY, REFERENCES = METHODS.split("\n## References\n")
LISTED = re.findall(r"^- (.+?)(?: \(\w+\))?: \[(.+)\]\((\S+)\)", REFERENCES, re.MULTILINE)
NAMED = re.compile(
    r"(?:[A-Z][\w-]+ et al\.|[A-Z][\w-]+ and [A-Z][\w-]+|Nanda|nostalgebraist) \d{4}"
)


def test_every_paper_that_is_named_is_listed_once() -> None:
    names = [name for name, _, _ in LISTED]
    assert len(set(names)) == len(names) > 20
    named = {each for each in NAMED.findall(BODY) if each != "Nanda 2024"}
    assert len(named) > 15
    assert named <= {*names}
    of_methods = REFERENCES.split("\nOf [tasks]")[0]
    assert {name for name, _, _ in LISTED if f"- {name}:" in of_methods} <= named


def test_the_citation_file_has_the_same_papers() -> None:
    urls = {url for _, _, url in LISTED}
    cited = re.findall(r"^    url: (\S+)$", CITATION, re.MULTILINE)
    assert len(set(cited)) == len(cited)
    smollm2 = "https://arxiv.org/abs/2502.02737"
    assert urls == {*cited} - {smollm2}
    for _, title, url in LISTED:
        assert re.search(
            rf'title: "?{re.escape(title)}"?\n(?:    .*\n)*?    url: {re.escape(url)}', CITATION
        )
        arxiv = re.fullmatch(r"https://arxiv\.org/abs/(\S+)", url)
        assert arxiv is None or f"({url}) arXiv:{arxiv[1]}\n" in METHODS
