# ruff: noqa: SIM905 - lists of hundreds of literals are no easier to read
"""Words of short texts: which of them can carry a topic, and in which language they are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

MARK = re.compile(r"\[[a-z_ ]+\]")  # of redaction
TOKEN = re.compile(r"[^\W\d_][\w'’-]*|[\w$€£#@&+*=<>~^%-]+|[^\w\s]", re.UNICODE)
WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?$", re.UNICODE)

# What every trace has and no topic is about: never the end of a phrase, and only some may begin one.
STOP = frozenset(
    """a about above after again against all already also although always am an and another any anything anyone anyway are
    around as asap at be because been before being below between both but by can cannot can't could couldn't did didn't do
    does doesn't doing don't don done down during each either else even ever every everything few for from further had has
    hasn't have haven't having he her here hers him his how however i i'd i'll i'm i've if in into is isn't it it's its itself
    just last lately let like ll made make many may maybe me might more most much must my myself never next no nobody none nor not
    nothing now of off often on once one only or other our out over own per please quite rather re really same she should shall
    since so some somebody someone something soon still such than that that's the their them then there there's these they
    they're this those though through to today together tomorrow too two twice under unless until up upon us ve very via was
    wasn't we we'd we'll we're were what what's when where whether which while who whom whose why will with within without
    won't would wouldn't yes yesterday yet you you'd you'll you're you've your yours
    hello hi hey dear thank thanks regards okay ok well get gets getting got give given go goes going gone keep
    let's try trying tried seem seems want wants wanted would need needs needed help ask asks asked asking tell told know
    appreciate sorry hope glad afraid able unable sure afraid actually currently unfortunately kindly quick
    user users customer customers assistant agent trace traces call calls called calling using used use uses
    ended end ends said say says wrote answer answered answers success successfully outcome redacted summarise summarize
    """.split()
)
# A phrase that ends before one of these has lost its object: "send | the …".
OBJECTS = frozenset("a an the my your our his her their its it me us them him this that these those some any".split())
# Words that only say that something failed: they name a failure within a longer phrase, and no topic alone.
VAGUE = frozenset(
    """error errors failed failure fails fail problem problems issue issues thing things way time times question questions
    request requests answer day days week weeks month months year years number numbers code codes status new found
    possible right correct wrong good best""".split()
)
_LANGUAGES = {
    "en": "the my is to and for of in on i it was not with you can this that a do be how what have from",
    "de": "der die das ich nicht und mein meine ist zu auf eine einen bitte mit für sie den wie kann dem",
    "fr": "le la les je ne pas et mon ma est une un en des de du pour vous que pouvez avec sur mes où",
    "es": "el la los las en de yo no y mi es una un del para que por con quiero necesito puede mis su está esta como dónde",
    "it": "il lo gli io non e mio mia è una del per che con vorrei puoi sono della",
    "pt": "o os as eu não e meu minha é uma do para que com quero pode meus da",
    "nl": "de het een ik niet en mijn is te op voor met wil kan van dat",
    "ru": "и в не на я что мой моя моё это как с по у меня мне за для где когда пожалуйста",
    "tr": "ve bir bu için ne benim mi mı nasıl ben çok ile ama değil nerede lütfen",
    "ar": "في من على أن هذا إلى ما هل لا أين كيف متى لم مع عن",
}
_LANGUAGE_OF: dict[str, list[str]] = defaultdict(list)
for _name, _words in _LANGUAGES.items():
    for _word in _words.split():
        _LANGUAGE_OF[_word].append(_name)
LANGUAGE_NAMES = {
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "ru": "Russian",
    "tr": "Turkish",
    "ar": "Arabic",
}
# A title without one of these says the opposite. Turkish, Arabic and others have more inside their words, which stay whole.
NEGATIONS = frozenset(
    """not no cannot can't couldn't doesn't didn't don't isn't won't wouldn't never without unable
    nicht kein keine keinen keiner nie ohne ne pas jamais aucun aucune sans n'est n'ai nunca sin ningún ninguna jamás
    non mai senza nessun nessuna não nem sem nenhum nenhuma не нет нельзя без ни değil yok hiç asla لا لم لن ليس غير
    بدون niet geen nooit zonder""".split()
)
# No words of meaning, but a phrase without them says another thing: "how long …", "not accepted".
OPENERS = NEGATIONS | frozenset("how what where when why who which".split())
AUXILIARIES = frozenset("does do did is are was were has have had can could will would".split())


def words_of(text: str) -> list[str]:
    """Lower-case words; numbers, ids and marks of redaction are left out."""
    return [token.lower() for token in TOKEN.findall(MARK.sub(" ", text)) if WORD.match(token)]


def language_of(text: str) -> str:
    """A guess from the commonest words; "en" where nothing speaks for another."""
    votes: Counter[str] = Counter()
    for word in words_of(text):
        for language in _LANGUAGE_OF.get(word, ()):
            votes[language] += 1
    best = max(votes.values(), default=0)
    return "en" if votes["en"] == best else min(name for name, count in votes.items() if count == best)


def stem(word: str) -> str:
    """The beginning of a word, enough to see that "cards" and "card" are one."""
    return word[:5]


def is_content(word: str) -> bool:
    """Whether a lower-case word can carry a topic."""
    return len(word) > 1 and word not in STOP and word not in _LANGUAGE_OF
