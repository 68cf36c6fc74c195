"""An HTML page as a tree, read by the standard library: strict about what browsers forgive."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


@dataclass
class Element:
    """An element, its children in order; texts are plain strings among them."""

    tag: str
    attributes: dict[str, str]
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text below it, no-break spaces as spaces."""
        parts = (each if isinstance(each, str) else each.text for each in self.children)
        return "".join(parts).replace("\u00a0", " ")

    def all(self, *tags: str) -> "Iterator[Element]":
        """The elements below it that have one of ``tags``, or any, in the order of the page."""
        for each in self.children:
            if isinstance(each, Element):
                if not tags or each.tag in tags:
                    yield each
                yield from each.all(*tags)

    def with_class(self, name: str) -> "list[Element]":
        """Those below it of a class."""
        return [each for each in self.all() if name in each.attributes.get("class", "").split()]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)
        if tag not in VOID:
            self.open.append(self.open[-1].children[-1])  # type: ignore[arg-type]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert any(each.tag == "svg" for each in self.open), f"<{tag}/> is no HTML"
        self._add(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>, {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute of <{tag}> is there twice"
        assert all(value is not None for _, value in attrs), f"a bare attribute of <{tag}>"
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(made)


def read_page(document: bytes) -> Element:
    """The root of ``document``. AssertionError unless every element is closed where it must be."""
    reader = _Reader()
    reader.feed(document.decode())
    reader.close()
    assert reader.open == [reader.root], f"<{reader.open[-1].tag}> is not closed"
    return reader.root
