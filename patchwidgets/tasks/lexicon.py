"""The words and prompts of the tasks for real models. Each word is one token of SmolLM2 after a space.

Within a task, all prompts have equally many tokens there, with the words at the same positions. The prompts are the
best of several that SmolLM2 was tried on. None begins with the word, because models read a first token badly.
"""

from typing import NamedTuple

from patchwidgets.tasks.words import word_list


class Fact(NamedTuple):
    """A word that fills the place of a prompt, and the word that should follow the prompt."""

    subject: str
    answer: str


def _facts(text: str) -> tuple[Fact, ...]:
    """Facts from lines of ``answer: subject subject …``; an answer may have several lines."""
    lines = (line.split(":") for line in text.strip().splitlines())
    return tuple(Fact(word, answer.strip()) for answer, words in lines for word in words.split())


def _couples(text: str) -> tuple[tuple[str, str], ...]:
    """Two words each, from ``first/second first/second …``."""
    return tuple(
        (first, second) for first, _, second in (each.partition("/") for each in text.split())
    )


NOUNS = word_list(
    "key author teacher student doctor lawyer singer farmer pilot driver writer officer manager guard "
    "nurse boy girl dog cat horse bird picture letter book car house tower boat train table chair cup "
    "ring toy tool plan report machine truck painter king queen neighbor visitor player worker friend "
    "customer scientist artist soldier actor judge guest bag lamp map phone clock computer"
)
"""Their plural is the word with an s."""
ATTRACTORS = word_list(
    "cabinet garden tree window bridge river road wall door school hotel lake store field building office "
    "museum park village mountain"
)
AGREEMENT = ("I know that the", "She knows that the", "They think that the", "We think that the")
TAILS = ("here", "today")
PREPOSITIONS = ("near", "behind", "beside", "by")
VERB = {False: "is", True: "are"}
"""By whether the subject is plural."""

PRONOUNS = _facts(
    """
    she: Mary Alice Anna Sarah Emma Laura Rachel Lisa Jane Susan Julia Helen Linda Maria Lucy Clara
    she: Elizabeth Jennifer Jessica Barbara Margaret Nancy Karen Betty Emily Rebecca Anne Hannah
    he: John Bob Tom James Paul David Peter Mark Daniel Simon Henry Robert George Frank Michael
    he: William Jack Charles Oscar Adam Stephen Richard Joseph Thomas Edward Andrew Matthew
    he: Patrick
    """
)
PRONOUN = (
    "After dinner, {subject} sang a song because",
    "After school, {subject} read a book because",
    "At home, {subject} ate a sandwich because",
    "On Monday, {subject} was very late because",
)

CAPITALS = tuple(
    Fact(*couple)
    for couple in _couples(
        "France/Paris Italy/Rome Germany/Berlin Spain/Madrid Russia/Moscow England/London Japan/Tokyo China/Beijing "
        "Egypt/Cairo Greece/Athens Poland/Warsaw Sweden/Stockholm Norway/Oslo Finland/Helsinki Denmark/Copenhagen "
        "Ireland/Dublin Scotland/Edinburgh Wales/Cardiff Austria/Vienna Hungary/Budapest Portugal/Lisbon Iran/Tehran "
        "Iraq/Baghdad Syria/Damascus Cuba/Havana Peru/Lima Chile/Santiago Kenya/Nairobi Canada/Ottawa "
        "Australia/Canberra Belgium/Brussels Bulgaria/Sofia Afghanistan/Kabul Tunisia/Tunis Switzerland/Bern "
        "Jamaica/Kingston"
    )
)
CAPITAL = ("The capital of {subject} is the city of", "The capital of {subject} is a city called")

HYPERNYMS = _facts(
    """
    animal: dog cat horse cow pig sheep goat lion tiger bear wolf fox rabbit mouse deer monkey zebra
    animal: donkey camel giraffe whale
    flower: rose lily violet
    tree: pine maple birch willow cedar palm
    fruit: banana pear grape peach plum cherry lemon mango strawberry
    vegetable: carrot potato lettuce cabbage spinach broccoli celery
    vehicle: car truck bus bicycle van motorcycle train taxi
    tool: hammer drill wrench shovel
    instrument: piano guitar violin drum flute trumpet harp
    metal: iron copper zinc tin steel
    sport: football tennis soccer golf hockey basketball baseball rugby
    drink: wine beer coffee tea milk juice
    weapon: sword gun rifle spear pistol
    furniture: chair bed desk couch bench
    clothing: shirt dress hat coat jacket skirt
    disease: cancer flu malaria cholera
    """
)
HYPERNYM = (
    "We learned that the {subject} is a type of",
    "Of course, the {subject} is a type of",
    "In our book the {subject} is a type of",
)

COLOURS = _facts(
    """
    red: blood tomato cherry strawberry brick fire lava
    green: grass broccoli lettuce cucumber spinach parsley moss celery ivy kale basil
    white: snow milk salt sugar cotton flour rice chalk
    black: coal night ink tar soot
    blue: sky sea ocean
    """
)
COLOUR = (
    "Everybody knows that gold is yellow, chocolate is brown, and {subject} is",
    "As we know, chocolate is brown, gold is yellow, and {subject} is",
)

OPPOSITES = _couples(
    "big/small fast/slow high/low good/bad old/new happy/sad light/dark long/short rich/poor strong/weak hard/soft "
    "wet/dry clean/dirty open/closed full/empty early/late left/right in/out on/off over/under true/false loud/quiet "
    "near/far thick/thin wide/narrow deep/shallow cheap/expensive safe/dangerous day/night black/white male/female "
    "man/woman king/queen boy/girl brother/sister mother/father husband/wife love/hate war/peace life/death win/lose "
    "buy/sell give/take push/pull start/stop come/go enter/exit increase/decrease always/never more/less many/few "
    "first/last before/after above/below front/back north/south east/west summer/winter success/failure friend/enemy "
    "question/answer heaven/hell positive/negative maximum/minimum public/private active/passive major/minor "
    "internal/external simple/complex sharp/dull smooth/rough beautiful/ugly alive/dead present/absent past/future "
    "victory/defeat profit/loss teacher/student accept/reject attack/defend build/destroy appear/disappear "
    "import/export add/subtract multiply/divide send/receive raise/lower tight/loose sweet/bitter ancient/modern "
    "real/fake same/different top/bottom natural/artificial permanent/temporary superior/inferior vertical/horizontal "
    "optimistic/pessimistic formal/informal legal/illegal visible/invisible possible/impossible"
)
ANTONYMS = tuple(Fact(*each) for a, b in OPPOSITES for each in ((a, b), (b, a)))
ANTONYM = (
    "It is about hot and cold, {subject} and",
    "The words are hot and cold, {subject} and",
    "We know well that the opposite of {subject} is",
)

ARGUMENTS = word_list(
    "load size files last path name value key data index count model state input output config text line "
    "user node item list type mode option file shape color image label title table column row query token "
    "limit offset start step width height depth length weight score time date year level group parent "
    "child root tree field target source result content test tag port host address client server session "
    "request response context cache buffer block frame page order price total sum seed loss batch layer "
    "window event action version status"
)
FUNCTIONS = word_list("make build check find open read move draw send sort")
DESCRIPTIONS = word_list(
    "oil piece crime population unit dark world place road river science history music paper water animal "
    "market party land power war school book night house city street"
)
