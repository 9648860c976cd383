"""Pictures with words in them, always the same: `count` to calibrate with, and one to show."""

import random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = 640
FONTS = [f"/usr/share/fonts/truetype/dejavu/{name}.ttf" for name in ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif")]
WORDS = """harbour window seven lantern copper morning garden quiet river market letter silver
bridge autumn paper signal north station yellow engine summer island winter stone""".split()


def background(rng):
    """Two light colours running into each other, under a few faint lines."""
    top, bottom = ([rng.randint(170, 255) for _ in range(3)] for _ in range(2))
    column = Image.new("RGB", (1, SIZE))
    for y in range(SIZE):
        column.putpixel((0, y), tuple(a + (b - a) * y // SIZE for a, b in zip(top, bottom)))
    picture = column.resize((SIZE, SIZE))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(0, 6)):
        ends = [rng.randint(0, SIZE) for _ in range(4)]
        draw.line(ends, fill=tuple(rng.randint(140, 220) for _ in range(3)), width=rng.randint(1, 3))
    return picture


def draw_words(rng, picture):
    """Words in rows, far enough apart to be words by themselves; gives (word, box)s."""
    draw = ImageDraw.Draw(picture)
    placed = []
    y = rng.randint(16, 48)
    while True:
        size = rng.randint(20, 52)
        if y + 2 * size > SIZE:
            return placed
        x = rng.randint(16, 80)
        while True:
            word = rng.choice(WORDS)
            font = ImageFont.truetype(rng.choice(FONTS), size)
            colour = tuple(rng.randint(0, 90) for _ in range(3))
            box = draw.textbbox((x, y), word, font=font)
            if box[2] > SIZE - 16:
                break
            draw.text((x, y), word, font=font, fill=colour)
            placed.append((word, box))
            x = box[2] + size * 2 + rng.randint(0, 80)
        y += size * 2 + rng.randint(0, 40)


def make(seed):
    rng = random.Random(seed)
    picture = background(rng)
    return picture, draw_words(rng, picture)


def calibration(count=16):
    return [make(seed)[0] for seed in range(count)]


def shown():
    return make(1000)


def as_input(picture):
    """Planes in the order blue, green, red, from -1 to 1, as the detector was trained."""
    values = np.asarray(picture, np.float32)[:, :, ::-1] / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(values.transpose(2, 0, 1))
