"""The words and sentence patterns of the tasks. Each word is one token of the teaching model and of SmolLM2."""


def word_list(text: str) -> tuple[str, ...]:
    """Words that are written in one text, with spaces between them."""
    return tuple(text.split())


NAMES = word_list(
    "Mary John Alice Bob Tom James Anna Paul Sarah David Emma Peter Laura Mark Kate Daniel Rachel Simon Lisa "
    "Henry Jane Robert Susan George Julia Frank Helen Michael Linda William Maria Jack Lucy Sam Amy Ben Clara "
    "Max Rose Charles Nina Oscar Grace Luke Eva Adam"
)
PLACES = word_list(
    "store garden school hospital office house station park library market beach museum farm restaurant hotel "
    "bridge church river theater airport lake forest"
)
OBJECTS = word_list(
    "drink book ring ball map key letter basket computer necklace gift bone snack hat coin ticket flower cup "
    "picture box card pen watch bag toy lamp shirt guitar"
)
VERBS = word_list("gave handed passed showed offered sent")
EVENTS = word_list(
    "war siege campaign trip journey strike project program festival voyage conflict study battle mission tour "
    "rebellion"
)

NAME_TEMPLATES = (
    "When {first} and {second} went to the {place}, {subject} {verb} a {object} to",
    "When {first} and {second} met, {subject} {verb} a {object} from the {place} to",
    "While {first} and {second} were at the {place}, {subject} {verb} a {object} to",
    "After {first} and {second} left the {place}, {subject} {verb} a new {object} to",
    "At the {place}, {first} and {second} talked and {subject} {verb} a {object} to",
    "In the {place}, {first} met {second} and {subject} {verb} a new {object} to",
)
"""Fourteen tokens each, without a beginning token; the subject's second mention is at position 9, 6, 9, 8, 9 and 8."""

YEAR_TEMPLATE = "The {event} lasted from the year {century}{year} to the year {century}"
CENTURIES = tuple(range(11, 18))
