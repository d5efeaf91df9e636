"""Names of people that a text itself introduces; there is no list of names, so a name that nobody introduces stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from insights_core.traces.redaction.windows import around_signs

_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0e7f])"  # with the marks that some scripts write vowels as
_WORD = rf"{_LETTER}{{1,30}}(?:['’.-]{_LETTER}{{1,30}}){{0,2}}\.?"
_NAME = rf"(?P<name>{_WORD}(?:[ \t]{_WORD}){{0,4}})"
# After these comes a name, whatever it looks like.
_STRONG = (
    r"my (?:full |first |last )?name(?: is|['’]s)|name['’]s|i am called|call me|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|mon nom est|me llamo|mi nombre es|mi chiamo"
    r"|il mio nome è|(?:o )?meu nome é|(?:eu )?me chamo|chamo-me|ik heet|mijn naam is|nazywam się|mam na imię|jag heter|mitt namn är|jeg he(?:dd|t)er|mit navn er|nimeni on"
    r"|(?:benim )?ad[ıi]m|ismim|меня зовут|мо[её] имя|мене звати|jmenuji se|a nevem|mă numesc|numele meu este|με λένε|ονομάζομαι|tôi tên là|tên tôi là|nama saya|मेरा नाम|اسمي"
)
# After these comes anything: only what is written like a name and stands alone is one.
_WEAK = r"i['’]?m|i am|this is|it['’]s|ich bin|hier ist|je suis|c['’]est|moi c['’]est|soy|sono|(?:eu )?sou(?: [oa])?|ik ben|jag är|jeg er|jestem|ben|я"
_SIGNED = r"(?:(?:best|kind|warm) )?regards|sincerely(?: yours)?|yours (?:truly|faithfully|sincerely)|mit freundlichen grüßen|viele grüße|cordialement|saludos|cordiali saluti|atenciosamente"
_FIELD = (
    r"(?:first|last|given|family|middle|full|maiden|sur|fore|customer|passenger|guest|patient|contact|client|caller|traveller|traveler|recipient|employee|cardholder|card ?holder|account ?holder|display|legal|preferred)"
    r"[ _]?names?"
)
_INTRODUCED = re.compile(
    rf"(?i:\b(?P<lead>{_STRONG}|{_WEAK})[:,]?[ \t]+){_NAME}(?P<after>[ \t]*[^\w\s]?[ \t]?\w{{0,12}})"
)
_SIGNED_BY = re.compile(rf"(?i:\b(?:{_SIGNED}))[,!.]?\s{{1,3}}(?:L\d{{3,}} )?{_NAME}[ \t]*(?=\n|$|\")")
_FIELD_VALUE = re.compile(
    rf"(?i:\b{_FIELD}|(?<![A-Za-z]){_FIELD.replace('[ _]?', '')})[\\\"']{{0,4}}\s{{0,2}}[:=]\s{{0,2}}[\\\"'\[]{{0,5}}{_NAME}(?P<end>.?)"
)
_PLAIN_FIELD = re.compile(rf"\b(?:[Nn]ame|NAME)[\\\"']{{0,4}}\s{{0,2}}[:=]\s{{0,2}}[\\\"']{{0,4}}{_NAME}")
_OF_A_PERSON = re.compile(
    r"(?i:\b(?:e-?mail|phone|mobile|dob|birth|passport|ssn|gender|age|address|loyalty|membership|nationality|zip|salutation|role|department|employee_id|customer_id|patient_id|user_id))"
)
_EAST_ASIAN = re.compile(
    r"我(?:的名字)?(?:叫做?|是叫|名叫)(?P<zh>[\u4e00-\u9fff·]{2,4}?)(?=[^\u4e00-\u9fff·]|$|是|来自|想|，)|我的名字是(?P<zh2>[\u4e00-\u9fff·]{2,4})"
    r"|(?:私の名前は|名前は|私は)(?P<ja>[一-龠々ぁ-んァ-ヶー ]{2,10}?)(?=です|と申します|といいます|と言います)|(?P<ja2>[一-龠々ァ-ヶー]{2,8})と(?:申し|いい|言い)ます"
    r"|(?:제|내) 이름은 ?(?P<ko>[가-힣]{2,4}?)(?=입니다|이에요|예요|이라고|라고|이고|$|[^가-힣])|저는 ?(?P<ko2>[가-힣]{2,4}?)(?=이?라고)"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PARTICLES = _words(
    "van von der den de del della di da do dos das du la le lo el al bin ibn ben af av zu zur ter ten y e ter san st mc o bint"
)
# Words that stand where a name could: the next word of the sentence, what somebody is, and what greets.
_TITLES = _words("mr mrs ms mx dr prof sir madam herr frau monsieur madame señor señora")
_NO_NAME = _words(
    "a an the not no and or but so just also here there from in on at of to for with by as is was are be been have has had do does did would can could "
    "i you he she it we they my your his her our their this that these those who what when where why how if then than very really quite too only still "
    "sorry happy glad afraid sure unable able trying looking calling writing speaking going using having interested ready done back new good great fine ok okay well "
    "customer client member user guest passenger agent assistant bot support service team manager engineer developer student teacher doctor nurse owner admin "
    "administrator representative operator analyst consultant premium gold silver platinum regular frequent business economy first class airlines airline airways bank "
    "inc llc ltd gmbh corp company hotel important unknown null none n/a string required optional redacted hidden name names correct wrong spelled missing listed "
    "please thanks thank hello hi hey dear yes yeah maybe monday tuesday wednesday thursday friday saturday sunday january february march july "
    "september october november december english german french spanish american "
    "ein eine der die das nicht kein neu neuer kunde kundin und aus bei un une le la les pas et de en el los una y con il lo uno e che um uma o os na no um ai llm gpt api "
    "है हूँ हूं "
    "true false and/or calling speaking concerned because about after before during all any some"
)
_GOES_ON = _words("and from here calling speaking with und aus from et de y de e di da og och i a")


_IS_STRONG = re.compile(_STRONG, re.IGNORECASE)
# Literals of which one stands in each beginning.
_LEADS = (
    "name", "i am ", "call me", "i'm", "i’m", " im ", "this is", "it's", "it’s", "ich ", "mein ", "hier ", "appelle", "mon nom", "je suis", "c'est", "c’est", "llamo", "nombre", "soy ",
    "chiamo", "il mio", "sono ", "meu ", "chamo", "sou ", "ik ", "mijn", "nazywam", "na imię", "jestem", "jag ", "mitt", "jeg ", "mit ", "nimeni", "adım", "adim", "ismim", "ben ",
    "зовут", "моё", "мое", "звати", "я ", "jmenuji", "a nevem", "numesc", "numele", "λένε", "ονομάζομαι", "tôi", "nama ", "नाम", "اسمي",
)  # fmt: skip
_SIGNS = ("regards", "sincerely", "yours ", "grüßen", "grüße", "cordialement", "saludos", "saluti", "atenciosamente")


def introduced(text: str) -> frozenset[str]:
    """The names that a text introduces, as they are written there."""
    found: set[str] = set()
    lowered = text.lower()
    for match in _finds(_INTRODUCED, text, lowered, _LEADS):
        weak = not _IS_STRONG.fullmatch(match["lead"])
        found.add(_name(match["name"], weak, match["after"], match["lead"]))
    for match in _finds(_FIELD_VALUE, text, lowered, ("name",)):
        found.add(_name(match["name"]))
    for match in _finds(_PLAIN_FIELD, text, lowered, ("name",)):
        if match["name"][0] != match["name"][0].lower() and _is_of_a_person(text, match.start(), match.end()):
            found.add(_name(match["name"]))
    for match in _finds(_SIGNED_BY, text, lowered, _SIGNS):
        found.add(_name(match["name"], weak=True))
    if not text.isascii():
        for match in _EAST_ASIAN.finditer(text):
            found.add(
                (match["zh"] or match["zh2"] or match["ja"] or match["ja2"] or match["ko"] or match["ko2"]).strip()
            )
    return frozenset(name for name in found if len(name) > 1)


def _finds(pattern: re.Pattern[str], text: str, lowered: str, signs: Collection[str]) -> Iterator[re.Match[str]]:
    places = around_signs(lowered, signs, 16, 500)
    if places and len(lowered) != len(text):
        places = [(0, len(text))]
    for start, end in places:
        yield from pattern.finditer(text, start, min(end, len(text)))


def _name(said: str, weak: bool = False, after: str = "", lead: str = "") -> str:
    """The name at the beginning of some words, or ""."""
    words: list[str] = []
    taken = small = 0
    cased = any(char.isupper() or char.islower() for char in said)
    for word in said.split():
        plain = word.strip(".")
        if plain.lower() in _TITLES and not words:
            continue
        if plain.lower() in _PARTICLES and words:
            words.append(plain)
        elif plain.lower() in _NO_NAME or (cased and not plain[0].isupper() and (weak or taken > small)):
            break
        else:
            words.append(plain)
            taken = len(words)
            small += cased and not plain[0].isupper() and taken == 1
        if word.endswith(".") and len(plain) > 1:
            break
    words = words[:taken]
    if not words or (weak and not _stands_alone(words, said, after, lead)):
        return ""
    return " ".join(words)


def _stands_alone(words: list[str], said: str, after: str, lead: str) -> bool:
    """Whether words after "I'm" are a name: two or more, or one that the sentence ends after, and no adjective of it."""
    if words[0].lower().endswith("ing") or (len(words) == 1 and re.search(r"(?:an|ish|ese|ed|ing)$", words[0])):
        return False
    rest = " ".join(said.split()[len(words) :]) or after.strip()
    following = rest.split()[0].lower() if rest.split() else ""
    if len(words) == 1 and lead.lower().startswith(("ich", "hier", "it", "c", "sou", "this", "ben")):
        return following in ("from", "calling", "speaking", "here", "aus", "von") or lead.lower().startswith("hier")
    if lead.lower().startswith(("this", "it", "c'", "c’", "ben")):
        return following.strip(".,!") in ("", "from", "calling", "speaking", "here", "and") or following[:1] in ",.!"
    return (
        len(words) > 1
        or not following
        or following[0] in '.,!;"\\'
        or following in _GOES_ON
        or said.split()[len(words) - 1].endswith(".")
    )


def _is_of_a_person(text: str, start: int, end: int) -> bool:
    """Whether a field `name` stands in a record with what only people have."""
    before, after = text[max(0, start - 400) : start], text[end : end + 400]
    record = (
        before.rsplit("{", 1)[-1] + after.split("}", 1)[0]
        if "{" in before
        else before.rsplit("\n", 1)[-1] + after.split("\n", 1)[0]
    )
    return _OF_A_PERSON.search(record) is not None


def without(text: str, people: Collection[str]) -> tuple[str, int]:
    """The text with each of these names replaced, whole or in part, and how often.

    A part of a name that is also a usual word of the text ("Will", "Mark") goes only where the whole name stands.
    """
    pattern, parts = _pattern(frozenset(people))
    usual = {part.lower() for part in parts if part[0].isupper() and _stands_small(text, part.lower())}
    pieces, done, count = [], 0, 0
    for match in pattern.finditer(text):
        start, end, found = match.start(), match.end(), match.group()
        before, after = text[start - 1 : start], text[end : end + 1]
        if found[0] < "\u2e80" and (before.isalpha() or after.isalpha()):
            continue
        if match["part"]:
            # In an address or an id, small letters are the name as well; elsewhere "may" is not May.
            joined = before in ("_", "@") or after in ("_", "@")
            if not joined and (found.lower() in usual or (found.islower() and found not in parts)):
                continue
        pieces.append(text[done:start])
        done, count = end, count + 1
    return "[name]".join([*pieces, text[done:]]), count


def _stands_small(text: str, word: str) -> bool:
    return word in text and re.search(rf"(?<![\w@.]){re.escape(word)}(?![\w@.])", text) is not None


@lru_cache(maxsize=64)
def _pattern(people: frozenset[str]) -> tuple[re.Pattern[str], frozenset[str]]:
    """What finds these names whole, the other way round, joined as in ids, or in part; and the parts."""
    parts = frozenset(
        part
        for name in people
        for part in name.split()
        if part.lower() not in _PARTICLES and (len(part) > 1 or part > "\u2e80")
    )
    whole: set[str] = set()
    for name in people:
        words = name.split()
        for written in {name, name.lower(), name.upper(), name.title()} if len(words) > 1 else ():
            each = [re.escape(word) for word in written.split()]
            whole.update((r"[\s_.-]{1,2}".join(each), rf"{each[-1]},? {each[0]}"))
    variants = {re.escape(form) for part in parts for form in (part, part.lower(), part.upper(), part.capitalize())}
    # No flag for small and capital letters: with it the first letters would be no quick test.
    longest, several = (sorted(kind, key=len, reverse=True) for kind in (whole, variants))
    return re.compile(
        f"(?P<whole>{'|'.join(longest)})|(?P<part>{'|'.join(several)})" if longest else f"(?P<part>{'|'.join(several)})"
    ), parts
