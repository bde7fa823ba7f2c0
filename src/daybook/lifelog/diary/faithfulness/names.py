"""Latin names in a text: words with capital letters, or Latin words in a text of another script."""

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"[^\W\d_](?:[\w'’\-&]|\.(?=\w))*")  # noqa: RUF001  (an apostrophe as it is printed)
_OPENING = re.compile(r"(?:^|[.!?…:;。！？：；]|[\"“”„«(—–‘「『])\s*$")  # noqa: RUF001

_NOT_NAMES = frozenset("i i'm i'd i'll i've ok am pm km m cm mm kg g ml l wi-fi".split())  # noqa: SIM905
_CALENDAR = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "  # noqa: SIM905
    "september october november december".split()
)
_NOUNS_HAVE_CAPITALS = {"de", "lb"}

_OPENERS = frozenset(
    """
    a about above across after afterwards again against all along already also although altogether among an and
    another any anyone anything apart apparently around as at away back because before beginning behind below
    beneath beside besides between beyond both breakfast brief briefly but by camera clearly clip clips close coffee
    day days despite dinner down downstairs during each earlier early eight either eleven else ended ending enough
    even evening eventually every everyone everything except few finally first five footage for four from further
    generally half having he hence her here his home hours how however i if immediately in indoors inside instead
    into it its just last lastly late later less life like little long lots lunch mainly many maybe meantime
    meanwhile midday minutes moments more morning most mostly much my near nearby nearly neither never next night
    nine no nobody none noon not nothing now numerous occasionally of off often on once one only onto opposite other
    others otherwise our out outdoors outside over overall part partly past people perhaps plain plenty quiet
    quietly recording recordings rest right scene second seeing seven several she shortly simple simply since six
    slowly so some somebody someone something sometimes somewhere soon started starting still such suddenly tea ten
    than that the their them then there therefore these they third this those though three through throughout thus
    time to today together tonight too toward towards twelve two under unlike until up upon upstairs usually very
    view was we well what whatever when whenever where whether which while who whose why with within without work
    yet you your
    """.split()  # noqa: SIM905  (words read better in a paragraph)
)
"""Words with which an English sentence begins that say nothing by themselves."""

_PARTICIPLE = re.compile(r"\w{4,}ing")
"""*Looking out of the window, I …*"""

_ENDINGS = ("ing", "ed", "es", "s", "e", "d", "n", "y", "ly", "er")
_SHORTEST = 3


def names_in(text: str, language: str) -> Iterator[str]:
    """Yield the Latin names of `text`, which is not folded.

    In a text of another script, every Latin word. In a Latin text, every word with a capital letter; the first word of
    a sentence in English, whose common openers are known, and elsewhere only if more capitals follow. German
    capitalizes every noun: only words in capitals and several capitalized words in a row count there.
    """
    text = unicodedata.normalize("NFKC", text)
    latin_text = _is_latin(text)
    words = [found for found in _WORD.finditer(text) if _is_latin_word(found[0])]
    primary = language.partition("-")[0].lower()
    for at, found in enumerate(words):
        word = found[0]
        plain = _plain(word)
        if plain in _NOT_NAMES or (len(plain) == 1 and latin_text):
            continue
        if not latin_text or any(character.isupper() for character in word[1:]):
            yield plain  # the latter for iPhone and NASA
        elif word[0].isupper() and plain not in _CALENDAR:
            opens = _OPENING.search(text[: found.start()]) is not None
            if _is_name(plain, primary, opens=opens, beside=_has_capital_beside(words, at, text)):
                yield plain


def _is_name(word: str, language: str, *, opens: bool, beside: bool) -> bool:
    """Return True if a capitalized word is a name. `opens`: it is the first of a sentence; `beside`: a neighbour is
    capitalized too.
    """
    if opens and language == "en":
        return word not in _OPENERS and not _PARTICIPLE.fullmatch(word)
    if opens:
        return beside and len(word) > _SHORTEST  # not an article
    return beside or language not in _NOUNS_HAVE_CAPITALS


def words_of(text: str) -> set[str]:
    """Return every word of `text` in the form names are compared in, with the parts of compounds."""
    words = {_plain(found[0]) for found in _WORD.finditer(unicodedata.normalize("NFKC", text))}
    return words | {part for word in words for part in re.split(r"[-.&]", word) if part}


def is_among(name: str, words: set[str]) -> bool:
    """Return True if `name`, or another form of it (*walking* for *walk*), is one of `words`."""
    if name in words or set(re.split(r"[-.&]", name)) <= words:
        return True
    roots = _roots(name)
    return any(roots & _roots(word) for word in words if word[:1] == name[:1])


def _roots(word: str) -> set[str]:
    roots = {word}
    for ending in _ENDINGS:
        root = word.removesuffix(ending)
        if root != word and len(root) >= _SHORTEST:
            roots.add(root)
            if root[-1] == root[-2]:
                roots.add(root[:-1])
    return roots


def _plain(word: str) -> str:
    return re.sub(r"'s?$", "", word.replace("’", "'").casefold())  # noqa: RUF001


def _is_latin(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(map(_is_latin_word, letters)) >= len(letters)


def _is_latin_word(word: str) -> bool:
    return unicodedata.name(word[0], "").startswith("LATIN")


def _has_capital_beside(words: list[re.Match[str]], at: int, text: str) -> bool:
    """Return True if a neighbouring word is capitalized and is not one that always is."""

    def joined(one: re.Match[str], other: re.Match[str]) -> bool:
        return text[one.end() : other.start()] == " "

    def has_capital(found: re.Match[str]) -> bool:
        return found[0][0].isupper() and _plain(found[0]) not in _NOT_NAMES | _CALENDAR

    after = at + 1 < len(words) and joined(words[at], words[at + 1]) and has_capital(words[at + 1])
    before = at > 0 and joined(words[at - 1], words[at]) and has_capital(words[at - 1])
    return after or before
