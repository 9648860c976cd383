"""usage: picture.py MODEL.so IMAGES LABELS PICTURE.png

Draws the first thirty test images with what a compiled network takes them for,
wrong answers in red. The model runs through ctypes (docs/examples/run_so.py)."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
from run_so import Model

NAMES = "T-shirt trousers pullover dress coat sandal shirt sneaker bag boot".split()
COLUMNS, ROWS, CELL, TEXT = 10, 3, 72, 18
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    model = Model(sys.argv[1])
    images = np.fromfile(sys.argv[2], np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.fromfile(sys.argv[3], np.uint8, offset=8)
    picture = Image.new("L", (COLUMNS * CELL, ROWS * (CELL + TEXT)), 255).convert("RGB")
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(FONT, 12)
    for i in range(COLUMNS * ROWS):
        x, y = i % COLUMNS * CELL, i // COLUMNS * (CELL + TEXT)
        scores = model.run({"image": images[i][None, None] / np.float32(255)})["scores"]
        answer = int(scores.argmax())
        picture.paste(Image.fromarray(255 - images[i]).resize((CELL - 8, CELL - 8)), (x + 4, y + 4))
        colour = "black" if answer == labels[i] else "red"
        draw.text((x + CELL // 2, y + CELL + TEXT // 2), NAMES[answer], fill=colour, font=font, anchor="mm")
    picture.save(sys.argv[4], optimize=True)


main()
