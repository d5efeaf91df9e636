"""Names that a conversation introduces go everywhere in it, in whatever language; what only looks like a name stays."""

from __future__ import annotations

import pytest

from insights_core.traces.redaction import Redactor


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Hi, I'm Nora Whitfield and I need help", "Hi, I'm [name] and I need help"),
        ("I’m Sarah O’Connor", "I’m [name]"),
        ("My name is Zoë.", "My name is [name]."),
        ("my name is tom baker and i want a refund", "my name is [name] and i want a refund"),
        ("Hello, this is Ida Berg calling", "Hello, this is [name] calling"),
        ("I'm Bob.", "I'm [name]."),
        ("Ich heiße Jürgen Groß, guten Tag", "Ich heiße [name], guten Tag"),
        ("Mein Name ist Anna-Lena Vogt", "Mein Name ist [name]"),
        ("Je m'appelle Élodie Marchand", "Je m'appelle [name]"),
        ("Me llamo José García López", "Me llamo [name]"),
        ("Mi chiamo Luca Ferri", "Mi chiamo [name]"),
        ("Meu nome é João da Cruz", "Meu nome é [name]"),
        ("Ik heet Jan de Wit", "Ik heet [name]"),
        ("Nazywam się Ewa Zając", "Nazywam się [name]"),
        ("Меня зовут Пётр Орлов", "Меня зовут [name]"),
        ("Benim adım Ayşe Kaya", "Benim adım [name]"),
        ("اسمي محمد علي", "اسمي [name]"),
        ("मेरा नाम राहुल शर्मा है", "मेरा नाम [name] है"),
        ("我叫王小明，想订票", "我叫[name]，想订票"),
        ("私の名前は田中太郎です", "私の名前は[name]です"),
        ("제 이름은 김철수입니다", "제 이름은 [name]입니다"),
        ('{"first_name": "Omar", "last_name": "Haddad"}', '{"first_name": "[name]", "last_name": "[name]"}'),
        ('{\\"firstName\\": \\"Omar\\"}', '{\\"firstName\\": \\"[name]\\"}'),
        ('{"name": "Ava Lund", "dob": "1990-01-01"}', '{"name": "[name]", "dob": "1990-01-01"}'),
        ("Full name: Dr. Emily Carter", "Full name: Dr. [name]"),
        ("Best regards,\nTom Baker", "Best regards,\n[name]"),
    ],
)
def test_an_introduced_name_goes_and_is_counted_as_a_name(said: str, left: str) -> None:
    redactor = Redactor()
    assert redactor.redact(said) == left
    assert redactor.counts == {"name": left.count("[name]")}


@pytest.mark.parametrize(
    "ordinary",
    [
        "I'm sorry to hear that", "I'm Happy with it", "I am Canadian", "I'm Using Python", "This is Great news", "This is Delta Airlines support", "I am Gold Member",
        "My name is not important", "my name is on the list", '{"name": "get_user_details", "arguments": {"user_id": 3}}', '{"name": "Hotel Roma", "city": "Rome"}',
        "It's Monday, and", "ich bin Kunde bei Ihnen", "je suis désolé", "soy cliente", "I'm from Paris", "file name: Report Final", "tool name: Search Flights",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_introduction_stays(ordinary: str) -> None:
    assert Redactor().redact(ordinary) == ordinary


def test_a_name_goes_wherever_its_trace_says_it_in_whatever_writing() -> None:
    text = "\n".join(
        [
            "L001 user: I'm Nora Whitfield.",
            "L002 assistant: Thank you, Nora! Your id is nora_whitfield_3668.",
            "L003 tool: WHITFIELD, NORA; Norah and Whitfields stay",
        ]
    )
    assert Redactor().redact(text) == "\n".join(
        [
            "L001 user: I'm [name].",
            "L002 assistant: Thank you, [name]! Your id is [name]_3668.",
            "L003 tool: [name]; Norah and Whitfields stay",
        ]
    )


def test_a_name_that_is_a_usual_word_goes_only_as_a_whole() -> None:
    assert (
        Redactor().redact("I'm Will Grant. What will it cost? Will you tell me?")
        == "I'm [name]. What will it cost? Will you tell me?"
    )


def test_a_title_made_from_a_trace_knows_the_names_of_the_trace() -> None:
    redactor = Redactor()
    people = redactor.people_in("L001 user: My name is Nora Whitfield, please move my flight")
    assert redactor.redact("Nora wants to move her flight", people) == "[name] wants to move her flight"
