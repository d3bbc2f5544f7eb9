"""The generator of `data/sample/feedback_chats.json`: chats with planted feedback, from a seed."""

import random
from pathlib import Path
from typing import Any

from shared.feedback._legend import MEANINGS
from shared.feedback._recognise import NONE
from shared.runs import write_json

# topic: question, good answer, the same good answer in other words (reference), weak answer, wrong answer, correction
_TOPICS: dict[str, tuple[str, str, str, str, str, str]] = {
    "eggs": (
        "boil eggs so that the yolk stays soft",
        "Put the eggs in boiling water for six minutes, then cool them in cold water.",
        "Six minutes in boiling water and then a cold bath keep the yolk soft.",
        "Eggs can be boiled in many ways, and people like them differently.",
        "Boil the eggs for fifteen minutes and let them rest in the hot water.",
        "fifteen minutes makes hard eggs, it has to be about six",
    ),
    "rice": (
        "cook rice without burning it",
        "Use two cups of water for one cup of rice, cover it and keep the heat low for fifteen minutes.",
        "One cup of rice needs two cups of water, a lid and low heat for a quarter of an hour.",
        "Rice is a popular food all over the world and easy to cook.",
        "Fry the rice on high heat without water until it is brown.",
        "rice needs water, two cups for each cup of rice",
    ),
    "bike": (
        "fix a flat tyre on my bike",
        "Take the wheel off, find the hole in the tube under water, patch it and pump it up again.",
        "Remove the wheel, look for bubbles to find the hole in the tube, patch it and inflate it.",
        "Bikes have tyres that sometimes lose air, which is annoying.",
        "Pump more air into the tyre and ride on until it holds.",
        "the tube has a hole, so it needs a patch and not more air",
    ),
    "plant": (
        "save my basil plant that drops its leaves",
        "Put the basil in a bright window and water it from below when the soil feels dry.",
        "Basil wants much light and water from below once the soil is dry.",
        "Plants can lose leaves for many reasons, and each plant is different.",
        "Keep the basil in a dark cupboard and water it every hour.",
        "basil needs light, a dark cupboard kills it",
    ),
    "sleep": (
        "fall asleep faster in the evening",
        "Go to bed at the same time each day and leave screens outside the bedroom.",
        "A fixed bedtime and a bedroom without screens help most people fall asleep.",
        "Sleep is important for health, as many studies show.",
        "Drink two cups of coffee an hour before bed to relax.",
        "coffee keeps people awake, so it cannot help here",
    ),
    "train": (
        "get a refund for a late train",
        "Keep the ticket, fill in the refund form of the railway within a month and add the delay in minutes.",
        "Send the ticket and the delay with the railway's refund form within a month.",
        "Trains are sometimes late, and travellers do not like it.",
        "Throw the ticket away and ask the driver for cash.",
        "the railway needs the ticket together with a form",
    ),
    "stain": (
        "get red wine out of a white shirt",
        "Dab the stain with cold water at once, cover it with salt and wash the shirt cold.",
        "Cold water, salt on the stain and a cold wash take red wine out.",
        "Red wine is a drink that can leave marks on clothes.",
        "Iron the shirt very hot so that the wine dries.",
        "heat fixes the stain, it has to be cold water",
    ),
    "password": (
        "choose a password that nobody guesses",
        "Take four random words that have nothing to do with you, and let a password manager keep them.",
        "Four random words kept in a password manager are hard to guess.",
        "Passwords protect accounts, so they matter a lot.",
        "Use your name and your birthday, which you never forget.",
        "a birthday is the first thing that people try",
    ),
    "loaf": (
        "bake bread that rises well",
        "Let the dough rest in a warm place until it has doubled, then bake it in a very hot oven.",
        "The dough should double in a warm place before it goes into a very hot oven.",
        "Bread is made of flour and is baked in an oven.",
        "Bake the dough at once in a lukewarm oven for ten minutes.",
        "the dough has to rest until it has doubled",
    ),
    "guitar": (
        "tune a guitar without a device",
        "Tune the low string to a known tone, then match each next string at the fifth fret, only B at the fourth.",
        "Start from one known tone and match the strings at the fifth fret, only the B string at the fourth.",
        "Guitars have six strings and sound best in tune.",
        "Tighten all strings as far as they go.",
        "tight strings break, they are matched at the fifth fret",
    ),
    "interview": (
        "prepare for a job interview",
        "Read the advert again, find one example from your work for each demand and practise saying it aloud.",
        "Match every demand of the advert with an example of your work and say it aloud beforehand.",
        "Interviews are a part of getting a job and can be exciting.",
        "Learn the text of the advert by heart and repeat it to them.",
        "they want examples from my work and not their own advert",
    ),
    "cat": (
        "stop my cat from scratching the sofa",
        "Put a scratching post beside the sofa, reward the cat for using it and cover the sofa for a while.",
        "A scratching post next to the sofa, rewards and a cover for some weeks work best.",
        "Cats are lovely animals and like to scratch things.",
        "Shout at the cat each time until it stops.",
        "shouting frightens cats, they need a post of their own",
    ),
}
_OPENINGS = (
    "How do I {q}?",
    "Can you tell me how to {q}?",
    "I have never done this: how can I {q}?",
    "My friend asked me how to {q}. What should I say?",
    "Please explain in short how to {q}.",
    "What is the best way to {q} on a {day}?",
    "I want to {q} before {day}. How?",
    "It is {day} and I need to {q}. Any advice?",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_GREETINGS = ("Hello, are you there?", "Hi, I have a question.", "Good morning!")
_FINAL = {
    "UR1": ("I mean: how can I {q}?", "Let me ask again: what do I do to {q}?", "So once more, how do I {q}?"),
    "UR2": (
        "No, that is wrong: {fix}.",
        "That is not right, {fix}. Please try again.",
        "You are mistaken. As far as I know, {fix}.",
    ),
    "UR3": (
        "That is wrong.",
        "This does not answer my question at all.",
        "That did not help me, sorry.",
        "You missed the point.",
        "I do not think this is correct.",
        "What a useless answer. I am disappointed.",
    ),
    "UR4": (
        "What do you mean by that exactly?",
        "Can you explain the last part in more detail?",
        "I do not understand the second step. Could you clarify?",
        "Which of these do you mean?",
    ),
    "UR5": (
        "Thanks, that is exactly what I needed!",
        "Great, this worked perfectly. Thank you.",
        "Wonderful answer, it helped a lot.",
        "Perfect, I will do that.",
        "You are a star, it works now.",
    ),
    NONE: (
        "OK. And how can I {other}?",
        "Another thing: how do people {other}?",
        "Next question. What about the way to {other}?",
        "Now I also want to {other}. Where do I start?",
    ),
}
_UNCLEAR = ("OK.", "Really?", "I see.", "Hm, well.", "Interesting...", "So that is that.")
_UNCLEAR_SHARE = 0.1  # chats whose final turn could mean anything: here a recogniser should abstain
_DETAILS = ("", " I have {n} minutes.", " It is for {n} people.", " I am {n} years old.", " I can spend {n} dollars.")
_PREFIXES = ("", "", "", "I tried it yesterday. ", "My sister read it with me. ", "Hm. ")
_SHARES = {"UR1": 3, "UR2": 6, "UR3": 6, "UR4": 3, "UR5": 6, NONE: 2}
_UNLABELLED = 0.12  # share of chats whose category is withheld, for the recogniser


def sample_feedback_chats(count: int = 320, *, seed: int = 0) -> dict[str, Any]:
    """Chats with planted feedback and their legend.

    Args:
        count: number of well-formed chats; three malformed ones are mixed in.
        seed: same seed, same chats.

    Returns:
        An object with `legend` and `conversations`. Each has `conversation_id`, `messages`, `feedback_category` (null
        where withheld and where there is no feedback), `feedback_span`, `reference` (a good answer in other words)
        and `planted` (the true category, "none" if there is no feedback).
    """
    draw = random.Random(seed)
    chats = [_chat(draw, number) for number in range(count)]
    for place, broken in zip((count // 4, count // 2, 3 * count // 4), _broken(), strict=True):
        chats.insert(place, broken)
    return {"legend": dict(MEANINGS), "conversations": chats}


def write_sample(path: Path, count: int = 320, *, seed: int = 0) -> Path:
    """Write the sample to a JSON file."""
    return write_json(path, sample_feedback_chats(count, seed=seed))


def _chat(draw: random.Random, number: int) -> dict[str, Any]:
    topic, other = draw.sample(list(_TOPICS.values()), 2)
    category = draw.choices(list(_SHARES), list(_SHARES.values()))[0]
    unclear = draw.random() < _UNCLEAR_SHARE
    span = draw.choice(_UNCLEAR if unclear else _FINAL[category]).format(q=topic[0], fix=topic[5], other=other[0])
    final = (draw.choice(_PREFIXES) if category not in (NONE, "UR1") else "") + span
    turns = [("user", _question(draw, topic[0])), ("assistant", _answer(draw, topic, category)), ("user", final)]
    if draw.random() < 0.3:
        turns = [("user", draw.choice(_GREETINGS)), ("assistant", "Hello! What can I do for you?"), *turns]
    withheld = category == NONE or draw.random() < _UNLABELLED
    return {
        "conversation_id": f"chat-{number:04d}",
        "messages": [{"role": role, "content": content} for role, content in turns],
        "feedback_category": None if withheld else category,
        "feedback_span": None if withheld else span,
        "reference": topic[2],
        "planted": category,
    }


def _question(draw: random.Random, question: str) -> str:
    detail = draw.choice(_DETAILS).format(n=draw.randrange(5, 60))
    return draw.choice(_OPENINGS).format(q=question, day=draw.choice(_DAYS)) + detail


def _answer(draw: random.Random, topic: tuple[str, ...], category: str) -> str:
    """Good where users are content, wrong where they correct, wrong or weak where they complain."""
    if category in ("UR5", "UR4", NONE):
        return topic[1]
    if category == "UR2":
        return topic[4]
    return draw.choice([topic[3], topic[4]]) if category == "UR3" else topic[3]


def _broken() -> list[dict[str, Any]]:
    hello = {"role": "user", "content": "Hello"}
    answer = {"role": "assistant", "content": "Hello! What can I do for you?"}
    return [
        {"conversation_id": "broken-1", "messages": [hello, answer], "feedback_category": "UR5"},
        {"conversation_id": "broken-2", "messages": [hello, answer, hello], "feedback_category": "UR6"},
        {"conversation_id": "broken-3", "messages": [], "feedback_category": "UR3"},
    ]
