"""What code, configs and pages cite exists: anchors of docs/reference, sections of papers, files and names."""

import functools
import re
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("ding_alma", "dizoo_ext", "configs", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".sh", ".md") and path != Path(__file__)
)
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "reference").glob("*.md")),
]
CITATION = re.compile(r"docs/reference/(\w+\.md)(?:#([\w-]+))?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE_LINE = re.compile(r"^Code: .*$", re.MULTILINE)
SECTIONS = {
    "ALMA": {"3", "4", "4.1", "4.2", "4.3", "5", "5.1", "5.2"},
    "COMA": {"4"},
}
"""Sections of papers that may be cited by number."""
SECTION = re.compile(
    r"\b(ALMA|REFIL|COPA|COMA|M-PPO|MagMA)\b(?:'s| paper)?(?: \([^)]*\))?,? sections? ([A-Z]?[\d.]*\d)"
)
PRIVATE = re.compile(r"\bspec(?:ification)?,? (?:[A-D]\.)?\d|\bspec (?:ALMA|REFIL|COPA|M-PPO)|\bquirk Q?\d")
"""Ways of citing a text that does not ship."""


def slug(heading):
    """GitHub's anchor of a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    kept = [c for c in text.strip().lower() if c in " -_" or unicodedata.category(c)[0] in "LN"]
    return "".join(kept).replace(" ", "-")


@functools.cache
def anchors(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {slug(match) for match in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def relative(path):
    return str(path.relative_to(ROOT))


def test_slugs_are_those_of_github():
    assert slug("Loss of the agents") == "loss-of-the-agents"
    assert slug("`aqmix`: QMIX, with attention (REFIL)") == "aqmix-qmix-with-attention-refil"


def test_the_code_cites_the_reference_where_it_exists():
    cited, missing = 0, []
    for path in SOURCES:
        for page, anchor in CITATION.findall(path.read_text()):
            cited += 1
            file = ROOT / "docs" / "reference" / page
            if not file.is_file() or (anchor and anchor not in anchors(file)):
                missing.append(f"{relative(path)}: {page}#{anchor}")
    assert cited > 80
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page):
    missing = []
    for target in LINK.findall(re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            missing.append(target)
    assert missing == []


@functools.cache
def python_sources():
    """Paths of all modules, and all words in them."""
    paths = [path for path in SOURCES if path.suffix == ".py"]
    return [relative(path) for path in paths], {word for path in paths for word in re.findall(r"\w+", path.read_text())}


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=lambda page: page.name)
def test_the_book_names_code_that_exists(page):
    paths, words = python_sources()
    missing = []
    for line in CODE_LINE.findall(page.read_text()):
        if "`src/" in line:
            # It names files of an original repository, too.
            continue
        for name in re.findall(r"`([^`]+)`", line):
            if name.endswith(".py"):
                missing += [] if any(path.endswith(name) for path in paths) else [name]
            elif re.fullmatch(r"[A-Za-z_][\w.]*", name):
                missing += [] if name.rpartition(".")[2] in words else [f"{name} ({line})"]
    assert missing == []


def test_sections_of_papers_are_real_and_nothing_private_is_cited():
    wrong = []
    for path in [*SOURCES, *PAGES]:
        if "golden" in path.parts and path.suffix != ".md":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for paper, section in SECTION.findall(line):
                if section not in SECTIONS.get(paper, ()):
                    wrong.append(f"{relative(path)}:{number}: {paper}, section {section}")
            if PRIVATE.search(line):
                wrong.append(f"{relative(path)}:{number}: {line.strip()}")
    assert wrong == []
