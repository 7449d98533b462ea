"""Writes captions.txt: a thousand captions in the manner of people who describe photographs, all made up here.

    python3 tests/golden/make_captions.py > tests/golden/captions.txt

The words are those that try the generator: every concept, ambiguous words, capitals, hyphens, articles, plurals.
"""
import random

SUBJECTS = """man;woman;young boy;little girl;group of people;black dog;small brown puppy;orange cat;herd of sheep;sheep;
large elephant;tennis player;baby;police officer;red bus;double decker bus;yellow taxi;white boat;old bike;train;
teddy bear;pizza;slice of cake;bowl of oranges;glass of white wine;laptop computer;stop sign;fire hydrant;
tall clock tower;wooden bench;vase of flowers;man and his dog;bride;surfer in a wetsuit;black and white cow""".replace("\n", "").split(";")
PLURALS = "two dogs;three giraffes;several boats;some bananas;two small children;many colorful kites;five sheep".split(";")
VERBS = "sitting;standing;parked;lying;waiting;walking;running;shown;flying".split(";")
RELATIONS = """on top of;next to;in front of;behind;under;above;inside;outside of;near;to the left of;beside;in the middle of;
at the edge of;close to;far from;on the side of""".replace("\n", "").split(";")
PLACES = """a small wooden table;the street;a large green field;a kitchen sink;an open window;a tall building;the ocean;
a red and white umbrella;a dirt road;the beach;a parking lot;a light-blue car;an orange wall;the bed;a stone bridge;
a pair of skis;a dark green couch;the water""".replace("\n", "").split(";")
TAILS = """;;;; with a red hat; in the background; on the left; while it rains; with long hair; wearing a blue-gray shirt;
 , over there;, all day long; holding an umbrella; and a smaller one; with its mouth open; in a black and white photo;
 at the top of the picture; in the air;!""".replace("\n", "").split(";")


def main():
    rng = random.Random(2024)
    seen = []
    while len(seen) < 1000:
        if rng.random() < 0.25:
            subject = rng.choice(PLURALS)
        else:
            subject = rng.choice(SUBJECTS)
            subject = ("an " if subject[0] in "aeiou" else "a ") + subject
        caption = f"{subject} {rng.choice(VERBS)} {rng.choice(RELATIONS)} {rng.choice(PLACES)}{rng.choice(TAILS)}"
        style = rng.random()
        if style < 0.5:
            caption = caption[0].upper() + caption[1:] + "."
        elif style < 0.55:
            caption = caption.upper()
        elif style < 0.6:
            caption = caption.title()
        if caption not in seen:
            seen.append(caption)
    print("\n".join(seen))


main()
