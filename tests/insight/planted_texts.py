"""Made-up requests with planted topics: the known truth that clusters are measured against."""

from __future__ import annotations

import random

# Topic -> ways to open, things it is about, ways to end. Every text is one of each, so that members of a topic differ
# in words and several topics share some ("order", "account", "booking"), as real requests do.
TOPICS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "refund": (
        ["I want my money back for", "Please refund", "When do I get the refund for", "You still owe me a refund for"],
        ["the broken blender", "order {n}", "the shoes that did not fit", "a lamp I returned last week"],
        ["since the return arrived days ago", "to my credit card", "because the goods were damaged", "in full"],
    ),
    "password": (
        ["I cannot log in with", "Please reset", "The reset link does not work for", "I forgot"],
        ["my password", "the password of account {n}", "my login password after the update", "the admin password"],
        ["and the page locks me out", "so I am locked out of my account", "it says wrong password", "again today"],
    ),
    "baggage": (
        [
            "My suitcase is missing after",
            "Where is the bag I checked in for",
            "The airline lost my luggage on",
            "No bag came off",
        ],
        ["flight {n} to Lisbon", "the connection in Madrid", "my trip to Oslo", "the morning flight"],
        [
            "and nobody at the baggage desk answers",
            "so I have no clothes",
            "please trace the luggage",
            "it has a red tag",
        ],
    ),
    "invoice": (
        [
            "Please send the invoice for",
            "The invoice shows the wrong VAT number for",
            "I need a corrected invoice for",
            "Accounting asks for the invoice of",
        ],
        ["March", "our subscription", "project {n}", "the annual licence"],
        [
            "as a PDF with our company address",
            "because the tax office wants it",
            "before the books close",
            "with the tax shown",
        ],
    ),
    "weather": (
        ["Will it rain in", "What is the weather forecast for", "How warm does it get in", "Is there snow expected in"],
        ["Bergen", "the mountains", "Valencia on day {n}", "the north coast"],
        ["this weekend", "tomorrow afternoon", "when the storm arrives", "so I know whether to bring an umbrella"],
    ),
    "sql": (
        [
            "Write a SQL query that counts",
            "My SQL join returns duplicate rows for",
            "Optimise the slow SQL query over",
            "Which index speeds up the query on",
        ],
        ["the orders table", "customers by month", "table t{n}", "the events table"],
        ["with a group by clause", "in Postgres", "without a full table scan", "and explain the query plan"],
    ),
    "recipe": (
        ["How do I cook", "Give me a recipe for", "What can I bake with", "How long do I roast"],
        ["a vegan lasagne", "mushroom risotto", "{n} potatoes and an onion", "sourdough bread"],
        ["for dinner with guests", "in the oven", "without garlic", "that my kids will eat"],
    ),
    "delivery": (
        [
            "Where is the parcel with",
            "The courier did not deliver",
            "Track the shipment of",
            "The package was left at the wrong door with",
        ],
        ["tracking number {n}", "my new phone", "the garden chairs", "order {n}"],
        [
            "it was due on Monday",
            "the tracking has not moved for a week",
            "nobody rang the bell",
            "please redeliver it",
        ],
    ),
    "appointment": (
        ["I need an appointment with", "Move my appointment with", "Cancel the visit at", "Is there a free slot with"],
        ["the dentist", "doctor Lindqvist", "the eye clinic", "room {n} of the practice"],
        ["to next Thursday morning", "because I have a fever", "before the holidays", "as early as possible"],
    ),
    "translation": (
        [
            "Translate into French",
            "How do you say in Japanese",
            "Correct the German grammar of",
            "Translate the letter about",
        ],
        ["my cover letter", "the sentence about the garden", "chapter {n}", "the museum guide"],
        ["and keep the formal tone", "word for word", "with native phrasing", "for a language exam"],
    ),
    "gym": (
        [
            "Freeze my gym membership",
            "How much is the gym membership",
            "Cancel the fitness contract",
            "Upgrade my training plan",
        ],
        ["for {n} months", "at the studio downtown", "including the sauna", "for my partner and me"],
        ["because of a knee injury", "from next quarter", "I no longer work out there", "with a personal trainer"],
    ),
    "battery": (
        [
            "The battery drains fast on",
            "My laptop will not charge",
            "The charger overheats with",
            "How do I replace the battery of",
        ],
        ["model {n}", "the new phone", "my three year old notebook", "the tablet"],
        [
            "even when it is switched off",
            "and it shuts down at forty percent",
            "since the firmware update",
            "while it is plugged in",
        ],
    ),
}


def planted_texts(count: int, seed: int = 0, topics: int | None = None) -> tuple[list[str], list[str]]:
    """`count` texts and the topic of each; topics of uneven size, the first about three times the last."""
    chance = random.Random(seed)
    names = list(TOPICS)[:topics]
    weights = [3 - 2 * position / max(len(names) - 1, 1) for position in range(len(names))]
    truth = chance.choices(names, weights, k=count)
    texts = []
    for topic in truth:
        text = " ".join(chance.choice(part) for part in TOPICS[topic])
        texts.append(text.replace("{n}", str(chance.randrange(100, 9999))) + ".")
    return texts, truth
