"""Pages whose tables a program writes, between marks; the words around them are written by hand."""

from pathlib import Path


def replace(page: Path, name: str, text: str) -> None:
    """Put text between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
