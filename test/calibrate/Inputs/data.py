"""Writes calibration data with numpy and pillow, and checks what SampleDump reads of it."""

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

DUMP, OUT = sys.argv[1], Path(sys.argv[2])
rng = np.random.default_rng(1)
failures = []


def dump(path, *args):
    for old in OUT.glob("got_*"):
        old.unlink()
    run = subprocess.run([DUMP, OUT / "got", path, *args], capture_output=True, text=True, timeout=20)
    assert run.returncode in (0, 1), (path, run)
    return run.stdout


def reads(path, expected, *args, remark=None):
    """`expected`: input name -> list of samples."""
    text = dump(path, *args)
    for name, samples in expected.items():
        for i, sample in enumerate(samples):
            file = OUT / f"got_{i}_{name}.npy"
            got = np.load(file) if file.exists() else None
            if got is None or got.dtype != sample.dtype or not np.array_equal(got, sample):
                failures.append(f"{path}: input {name}, sample {i}: {got} is not {sample}; {text}")
        if f"count {len(samples)}\n" not in text:
            failures.append(f"{path}: {text} has not {len(samples)} samples")
    if (remark or "") not in text or (not remark and "remark" in text):
        failures.append(f"{path}: {text} should say {remark}")


def refuses(path, message, *args):
    text = dump(path, *args)
    if message not in text or not text.splitlines()[-1].startswith(f"error: {path}"):
        failures.append(f"{path}: got {text!r}, expected {message!r}")


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


# --- splitting ---
x = floats(6, 3, 4)
np.save(OUT / "x.npy", x)
one = [s[None] for s in x]
reads(OUT / "x.npy", {"x": one}, "x:f32:1x3x4")
reads(OUT / "x.npy", {"x": list(x)}, "x:f32:3x4")
reads(OUT / "x.npy", {"x": list(x.reshape(3, 2, 3, 4))}, "x:f32:2x3x4")
reads(OUT / "x.npy", {"x": one[:2]}, "x:f32:1x3x4", "--n=2")
reads(OUT / "x.npy", {"x": one}, "x:f32:1x3x4", "--n=7", remark="holds 6 samples, not 7")
refuses(OUT / "x.npy", "has shape (6, 3, 4), which does not split into samples of shape (4, 3, 4)", "x:f32:4x3x4")
refuses(OUT / "x.npy", "does not split into samples of shape (1, 3, 5)", "x:f32:1x3x5")
np.save(OUT / "scalars.npy", x[0, 0])
reads(OUT / "scalars.npy", {"x": list(x[0, 0].reshape(4))}, "x:f32:")
np.save(OUT / "none.npy", x[:0])
refuses(OUT / "none.npy", "holds no samples", "x:f32:1x3x4")

# --- layouts and types ---
np.save(OUT / "fortran.npy", np.asfortranarray(x))
reads(OUT / "fortran.npy", {"x": one}, "x:f32:1x3x4", "--order=5,0,1,2,3,4")
np.save(OUT / "big.npy", x.astype(">f4"))
reads(OUT / "big.npy", {"x": one}, "x:f32:1x3x4")
np.save(OUT / "big_fortran.npy", np.asfortranarray(x.astype(">f8")))
reads(OUT / "big_fortran.npy", {"x": one}, "x:f32:1x3x4")
np.save(OUT / "double.npy", x.astype(np.float64) * 1.0000001)
reads(OUT / "double.npy", {"x": [s.astype(np.float32) for s in (x.astype(np.float64) * 1.0000001)]}, "x:f32:3x4")
ids = rng.integers(-5, 100, (4, 7))
np.save(OUT / "ids.npy", ids)
reads(OUT / "ids.npy", {"ids": [s[None] for s in ids]}, "ids:i64:1x7")
reads(OUT / "ids.npy", {"ids": [s[None].astype(np.int32) for s in ids]}, "ids:i32:1x7")
refuses(OUT / "ids.npy", "does not fit the input's type u8", "ids:u8:1x7")
refuses(OUT / "ids.npy", "is int64, which does not convert to the input's type f32", "ids:f32:1x7")
np.save(OUT / "uint64.npy", np.full((2, 2), 2**64 - 1, dtype=np.uint64))
refuses(OUT / "uint64.npy", "does not fit the input's type i64", "x:i64:1x2")

# --- npz ---
mask = rng.integers(0, 2, (6, 1, 5)).astype(bool)
both = {"x": one, "a/mask": [s for s in mask]}
specs = ("x:f32:1x3x4", "mask:bool:1x5")
for save, name in ((np.savez, "stored.npz"), (np.savez_compressed, "packed.npz")):
    save(OUT / name, x=x, mask=mask, labels=np.arange(6))
    expected = {"x": one, "mask": list(mask)}
    reads(OUT / name, expected, *specs, remark="array 'labels' is no input of the model and is ignored")
    reads(OUT / name, expected, *specs, "--order=3,1,5,0,2,4,4,3", remark="labels")
    refuses(OUT / name, "holds no array 'y' for the input of that name; it holds 'x', 'mask', 'labels'", "y:f32:1")
    whole = (OUT / name).read_bytes()
    (OUT / "cut.npz").write_bytes(whole[: len(whole) // 2])
    refuses(OUT / "cut.npz", "truncated or not a zip", *specs)
    flipped = bytearray(whole)
    flipped[400] ^= 1
    (OUT / "flipped.npz").write_bytes(flipped)
    refuses(OUT / "flipped.npz", "corrupt", "x:f32:1x3x4")
np.savez(OUT / "uneven.npz", x=x, mask=mask[:5])
refuses(OUT / "uneven.npz", "input 'mask' holds 5 samples, the one before 6", *specs)
np.save(OUT / "x.npy", x)
refuses(OUT / "x.npy", "serves a model with one input, and this one has 2", *specs)
with open(OUT / "huge.npz", "wb") as file:
    np.savez_compressed(file, x=np.zeros((1000, 40000), np.float32))
text = dump(OUT / "huge.npz", "x:f32:1x40000", "--order=999")
if "count 1000" not in text or not (OUT / "got_999_x.npy").exists():
    failures.append("huge.npz: " + text)

# --- samples of several shapes ---
lines = [rng.integers(0, 9, (n, length)) for n, length in ((1, 5), (2, 3), (1, 8), (1, 1))]
marks = [line > 4 for line in lines]
numbered = {f"{name}.{7 + i}": a for name, arrays in (("ids", lines), ("mask", marks)) for i, a in enumerate(arrays)}
each = lambda arrays: [row[None] for a in arrays for row in a]
bounded = ("ids:i64:1x1..8", "mask:bool:1x1..8")
for save in (np.savez, np.savez_compressed):
    save(OUT / "numbered.npz", **dict(reversed(numbered.items())))
    reads(OUT / "numbered.npz", {"ids": each(lines), "mask": each(marks)}, *bounded)
    reads(OUT / "numbered.npz", {"ids": each(lines), "mask": each(marks)}, *bounded, "--order=4,0,2,1,3,3,0,4")
reads(OUT / "numbered.npz", {"ids": each(lines)}, bounded[0], remark="array 'mask.10' is no input of the model")
refuses(OUT / "numbered.npz", "array 'ids.9' for input 'ids' has shape (1, 8), which does not split into samples of shape (1, 1..7); samples out of bounds must be cut or left out, or --shape must allow them", "ids:i64:1x1..7")
refuses(OUT / "numbered.npz", "array 'ids.7' for input 'ids' has shape (1, 5), which does not split into samples of shape (1, 8)", "ids:i64:1x8")
np.savez(OUT / "uneven.npz", **numbered, **{"ids.11": lines[0]})
refuses(OUT / "uneven.npz", "holds no array 'mask.11' for the input of that name", *bounded)
np.savez(OUT / "uneven.npz", **numbered, ids=lines[0])
refuses(OUT / "uneven.npz", "holds arrays with a number behind their name and without", *bounded)
np.savez(OUT / "uneven.npz", **numbered, **{"ids.07": lines[0]})
refuses(OUT / "uneven.npz", "which is the same number", *bounded)
np.savez(OUT / "dotted.npz", **{"x.1": lines[0], "x.a": lines[1]})
reads(OUT / "dotted.npz", {"x.1": each(lines[:1])}, "x.1:i64:1x5", remark="array 'x.a' is no input")
np.save(OUT / "lines.npy", lines[1])
reads(OUT / "lines.npy", {"ids": each(lines[1:2])}, bounded[0])
reads(OUT / "lines.npy", {"ids": list(lines[1])}, "ids:i64:1..8")
steps = floats(7, 2)
np.save(OUT / "steps.npy", steps)
reads(OUT / "steps.npy", {"x": [steps[:3], steps[3:6], steps[6:]]}, "x:f32:1..3x2")
refuses(OUT / "steps.npy", "has shape (7, 2), which does not split into samples of shape (2..3, 2)", "x:f32:2..3x2")
several = OUT / "several"
several.mkdir()
for i, (line, mark) in enumerate(zip(lines, marks)):
    np.savez(several / f"{i}.npz", ids=line[:1], mask=mark[:1])
reads(several, {"ids": [l[:1] for l in lines], "mask": [m[:1] for m in marks]}, *bounded)

# --- wrong arrays ---
np.save(OUT / "pickled.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
refuses(OUT / "pickled.npy", "", "x:f32:1")
for bad, word in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "-infinity")):
    y = x.copy()
    y[4, 2, 1] = bad
    np.save(OUT / "bad.npy", y)
    refuses(OUT / "bad.npy", f"sample 4 of input 'x' has {word} at [0, 2, 1]", "x:f32:1x3x4")
(OUT / "cut.npy").write_bytes((OUT / "x.npy").read_bytes()[:-4])
refuses(OUT / "cut.npy", "truncated", "x:f32:1x3x4")
(OUT / "empty.npy").write_bytes(b"")
refuses(OUT / "empty.npy", "", "x:f32:1x3x4")
(OUT / "text.npy").write_bytes(b"hello" * 100)
refuses(OUT / "text.npy", "", "x:f32:1x3x4")
refuses(OUT / "absent.npy", "cannot open: No such file or directory", "x:f32:1x3x4")
refuses(Path("/dev/zero"), "not a regular file", "x:f32:1x3x4")

# --- folders ---
folder = OUT / "folder"
folder.mkdir()
refuses(folder, "holds no .npy, .npz, .png or .jpg file", "x:f32:1x3x4")
for i in range(4):
    np.save(folder / f"{3 - i}.npy", one[i])
(folder / "README").write_text("not data")
reads(folder, {"x": one[3::-1]}, "x:f32:1x3x4")
np.save(folder / "4.npy", x)
refuses(folder, "holds 6 samples; a file of a folder is one sample", "x:f32:1x3x4")
reads(folder, {"x": one[3::-1]}, "x:f32:1x3x4", "--n=4")
sets = OUT / "sets"
sets.mkdir()
for i in range(3):
    np.savez(sets / f"{i}.npz", x=one[i], mask=mask[i])
reads(sets, {"x": one[:3], "mask": list(mask[:3])}, *specs)
np.savez(sets / "3.npz", x=one[0])
refuses(sets, "holds no array 'mask'", *specs)


# --- images ---
def expected_image(pixels, height, width, channels, mean, std, bgr, first):
    h, w, c = pixels.shape
    factor = max(height / h, width / w)
    rows, columns = max(height, round(h * factor)), max(width, round(w * factor))
    taps = []
    for size, resized, count in ((h, rows, height), (w, columns, width)):
        at = (np.arange(count) + (resized - count) // 2 + 0.5) * size / resized - 0.5
        at = np.clip(at, 0, size - 1)
        a = at.astype(int)
        taps.append((a, np.minimum(a + 1, size - 1), at - a))
    (ya, yb, yw), (xa, xb, xw) = taps
    p = pixels.astype(np.float64)
    top = p[ya][:, xa] * (1 - xw[:, None]) + p[ya][:, xb] * xw[:, None]
    bottom = p[yb][:, xa] * (1 - xw[:, None]) + p[yb][:, xb] * xw[:, None]
    image = top * (1 - yw[:, None, None]) + bottom * yw[:, None, None]
    if channels == 1 and c == 3:
        image = image @ [0.299, 0.587, 0.114]
        image = image[..., None]
    if channels == 3 and c == 1:
        image = np.repeat(image, 3, 2)
    image = (image[..., ::-1] if bgr else image - 0.0)
    image = (image - mean) / std
    return (image.transpose(2, 0, 1) if first else image)[None]


def image_test(name, picture, spec, height, width, channels, *args, mean=0.0, std=1.0, bgr=False, first=True, **save):
    images = OUT / ("images_" + name.replace(".", "_") + str(len(list(OUT.iterdir()))))
    images.mkdir()
    picture.save(images / name, **save)
    plain = Image.open(images / name)
    plain = plain.convert("L" if plain.mode in ("1", "L", "LA") else "RGB")
    pixels = np.asarray(plain)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    want = expected_image(pixels, height, width, channels, mean, std, bgr, first)
    text = dump(images, spec, *args)
    file = OUT / "got_0_x.npy"
    if not file.exists() or not np.allclose(np.load(file), want, rtol=1e-6, atol=1e-5):
        got = np.load(file) if file.exists() else None
        failures.append(f"{name} {spec}: {text} off by {got is not None and abs(got - want).max()}")


photo = rng.integers(0, 256, (37, 50, 3), dtype=np.uint8)
smooth = np.asarray(Image.fromarray(photo[:8, :9]).resize((97, 64)))
rgb, grey = Image.fromarray(photo), Image.fromarray(photo[..., 0])
image_test("a.png", rgb, "x:f32:1x3x24x24", 24, 24, 3)
image_test("a.png", rgb, "x:f32:1x3x80x60", 80, 60, 3)
image_test("a.png", rgb, "x:f32:3x30x64", 30, 64, 3)
image_test("a.png", rgb, "x:f32:1x24x31x3", 24, 31, 3, first=False)
image_test("a.png", rgb, "x:f32:1x3x37x50", 37, 50, 3, "--mean=103.5,116.3,123.7", "--std=57,58,59",
           mean=np.array([103.5, 116.3, 123.7], np.float32), std=np.array([57, 58, 59]))
image_test("a.png", rgb, "x:f32:1x3x37x50", 37, 50, 3, "--mean=104,117,123", "--bgr",
           mean=np.array([104, 117, 123]), bgr=True)
image_test("a.png", rgb, "x:f32:1x1x28x28", 28, 28, 1, "--mean=127.5", "--std=127.5", mean=127.5, std=127.5)
image_test("a.png", grey, "x:f32:1x3x20x20", 20, 20, 3)
image_test("b.png", grey, "x:f32:1x20x20x1", 20, 20, 1, first=False)
image_test("c.png", grey.point(lambda v: 255 * (v > 99)).convert("1"), "x:f32:1x1x20x20", 20, 20, 1)
image_test("d.png", rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=16), "x:f32:1x3x20x20", 20, 20, 3)
image_test("e.PNG", Image.fromarray(np.dstack([photo, photo[..., 0]])).convert("RGBA"), "x:f32:1x3x20x20", 20, 20, 3)
for i, options in enumerate(({"quality": 95, "subsampling": 0}, {"quality": 60}, {"progressive": True})):
    image_test("a.jpg", Image.fromarray(smooth), "x:f32:1x3x64x64", 64, 64, 3, **options)
image_test("b.jpeg", Image.fromarray(smooth[..., 0]), "x:f32:1x1x64x64", 64, 64, 1)
exif = Image.Exif()
exif[0x112] = 6  # rotated; ignored
image_test("c.jpg", Image.fromarray(smooth), "x:f32:1x3x64x64", 64, 64, 3, exif=exif)
crop = expected_image(photo, 24, 24, 3, 0.0, 1.0, False, True)
bytes_dir = OUT / "bytes"
bytes_dir.mkdir()
rgb.save(bytes_dir / "a.png")
reads(bytes_dir, {"x": [np.rint(crop).astype(np.uint8)]}, "x:u8:1x3x24x24")


def bad_image(name, content, message, *args):
    images = OUT / ("bad_" + name)
    images.mkdir()
    file = images / name
    content.save(file) if isinstance(content, Image.Image) else file.write_bytes(content)
    text = dump(images, *(args or ("x:f32:1x3x24x24",)))
    if message not in text or f"error: {file}" not in text:
        failures.append(f"{name}: got {text!r}, expected {message!r}")


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png(width, height, depth, colour, rows, *extra):
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    chunks = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


good_png = (bytes_dir / "a.png").read_bytes()
good_jpg = next(OUT.glob("images_a_jpg*/a.jpg")).read_bytes()
bad_image("deep.png", png(2, 2, 16, 2, bytes(26)), "has 16 bits a channel; 8 are supported")
bad_image("bomb.png", png(100000, 100000, 8, 2, bytes(100)), "is 100000 x 100000 pixels")
bad_image("animated.png", png(2, 2, 8, 2, bytes(14), chunk(b"acTL", bytes(8))), "is an animated PNG")
bad_image("short.png", png(2, 2, 8, 2, bytes(5)), "damaged PNG")
bad_image("cut.png", good_png[: len(good_png) // 2], "damaged PNG: truncated")
bad_image("end.png", good_png[:-6], "damaged PNG: truncated")
bad_image("flipped.png", good_png[:200] + bytes([good_png[200] ^ 1]) + good_png[201:], "damaged PNG")
bad_image("cut.jpg", good_jpg[: len(good_jpg) // 2], "damaged JPEG: Premature end of JPEG file")
bad_image("end.jpg", good_jpg[:-2], "damaged JPEG: Premature end of JPEG file")
bad_image("head.jpg", good_jpg[:40], "damaged JPEG")
bad_image("cmyk.jpg", Image.fromarray(smooth).convert("CMYK"), "is a CMYK JPEG")
bad_image("empty.png", b"", "is empty")
bad_image("text.png", b"hello", "is neither a PNG nor a JPEG")
bad_image("shape.png", good_png, "images do not fit input 'x' of shape (1, 4, 24, 24)", "x:f32:1x4x24x24")
bad_image("batch.png", good_png, "images do not fit input 'x' of shape (2, 3, 24, 24)", "x:f32:2x3x24x24")
bad_image("ints.png", good_png, "of type i64; floats, and plain u8, do", "x:i64:1x3x24x24")
bad_image("u8.png", good_png, "of type u8 with --mean or --std", "x:u8:1x3x24x24", "--mean=1")
bad_image("mean.png", good_png, "--mean has 2 numbers for 3 channels", "x:f32:1x3x24x24", "--mean=1,2")
bad_image("std.png", good_png, "--std must hold positive numbers, not 0", "x:f32:1x3x24x24", "--std=0")
bad_image("two.png", good_png, "images serve a model with one input", *specs)
for cut in range(0, len(good_png), 97):  # never a signal
    (OUT / "bad_cut.png" / "cut.png").write_bytes(good_png[:cut])
    dump(OUT / "bad_cut.png", "x:f32:1x3x24x24")
for at in range(0, len(good_jpg), 7):
    (OUT / "bad_cut.jpg" / "cut.jpg").write_bytes(good_jpg[:at] + bytes([good_jpg[at] ^ 0x55]) + good_jpg[at + 1 :])
    dump(OUT / "bad_cut.jpg", "x:f32:1x3x24x24")

print("\n".join(failures))
sys.exit(bool(failures))
