"""Prompts with places for numbers, such as ``{a}+{b}=``: checked, filled, and where the numbers are. Costs nothing."""

from dataclasses import dataclass
from string import Formatter
from typing import Any

from patchwidgets.errors import TaskError, shown


@dataclass(frozen=True)
class Template:
    """A prompt with one place for each of some numbers, in this order; `checked_template` makes it.

    Attributes
    ----------
    text
        As it was given, with ``{a}`` and ``{b}``, or ``{n}``.
    names
        Of the places.
    """

    text: str
    names: tuple[str, ...]

    def fill(self, **numbers: int) -> str:
        """The prompt of these numbers."""
        return self.text.format(**numbers)

    def up_to(self, name: str, **numbers: int) -> str:
        """The beginning of this prompt that ends with one of the numbers."""
        place = f"{{{name}}}"
        return self.text[: self.text.index(place) + len(place)].format(**numbers)

    def up_to_sign(self, **numbers: int) -> str:
        """The beginning of this prompt that ends with what stands between `a` and `b`: a sign or words."""
        return self.text[: self.text.index("{b}")].rstrip().format(**numbers)

    def answer(self, number: int) -> str:
        """The number as it follows the prompt: after a word with a space."""
        return f" {number}" if self.text[-1:].isalnum() else str(number)


def checked_template(text: Any, names: tuple[str, ...]) -> Template:
    """Return a template, if it has one plain place for each of the names, in their order, with text between them.

    Raises
    ------
    TaskError
        It has not, or a digit stands beside a place, or it ends in a space, which belongs to the answer.
    """
    example = "'{n}+0='" if names == ("n",) else "'{a}+{b}='"
    places = " and ".join(f"{{{name}}}" for name in names)

    def wrong(what: str) -> TaskError:
        return TaskError(
            f"template={shown(text)} {what}; expected a prompt with {places}, each once and in this order, as in "
            f"{example}."
        )

    if not isinstance(text, str):
        raise wrong("is no text")
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise wrong("has a brace without its other half") from None
    if "{{" in text or "}}" in text:
        raise wrong("has other braces")
    fields = [(name, spec, how) for _, name, spec, how in parts if name is not None]
    if [name for name, *_ in fields] != list(names):
        found = ", ".join(f"{{{name}}}" for name, *_ in fields) or "no place"
        raise wrong(f"has {found}")
    if any(spec or how for _, spec, how in fields):
        raise wrong("formats a number, and numbers stand as they are")
    literal = [text for text, *_ in parts]
    if any(not between.strip() for between in literal[1 : len(names)]):
        raise wrong("has nothing between the numbers, where a sign or a word should stand")
    beside = [*(each[-1:] for each in literal[: len(names)]), *(each[:1] for each in literal[1:])]
    if any(each.isdigit() for each in beside):
        raise wrong("has a digit beside a place, so that another number would be read")
    if text != text.rstrip():
        raise wrong("ends in a space, which belongs to the answer: leave it out")
    return Template(text, names)
