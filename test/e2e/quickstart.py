"""The parts of tools/quickstart that do not need a compiled network."""

from support import *

EXAMPLE = ROOT / "docs/examples/text-detector"
sys.path.insert(0, str(EXAMPLE))
sys.dont_write_bytecode = True
import pictures

STUB = """
#include "text_NAME.h"
qcc_status text_NAME_run(const text_NAME_inputs *in, const text_NAME_outputs *out, void *work, qcc_pool *pool) {
  (void)work, (void)pool;
  /* Text is where the picture is black: the input's planes go from -1 to 1. */
  for (int i = 0; i < 640 * 640; ++i)
    out->sigmoid_0_tmp_0[i] = in->x[i] + in->x[2 * 640 * 640 + i] < -1.5f ? 0.9f : 0.1f;
  return QCC_OK;
}
"""
HEADER = """
#include <qcc/runtime.h>
#define TEXT_UPPER_WORKSPACE_BYTES 64
typedef struct { const float *x; } text_NAME_inputs;
typedef struct { float *sigmoid_0_tmp_0; } text_NAME_outputs;
qcc_status text_NAME_run(const text_NAME_inputs *, const text_NAME_outputs *, void *, qcc_pool *);
"""


@case
def pictures_are_always_the_same_and_all_different():
    def bytes_of(made):
        return [p.tobytes() for p in made]

    first = bytes_of([*pictures.calibration(), pictures.shown()[0]])
    check(len(set(first)) == 17, f"only {len(set(first))} of 17 pictures differ")
    check(first == bytes_of([*pictures.calibration(), pictures.shown()[0]]), "a second drawing differs")


@case
def drawn_words_lie_apart_and_inside():
    words = pictures.shown()[1]
    check(len(words) >= 10, f"only {len(words)} words")
    for i, (word, a) in enumerate(words):
        check(0 <= a[0] < a[2] <= 640 and 0 <= a[1] < a[3] <= 640, f"{word} at {a}")
        for other, b in words[:i]:
            apart = a[0] > b[2] + 8 or b[0] > a[2] + 8 or a[1] > b[3] + 8 or b[1] > a[3] + 8
            check(apart, f"{word} at {a} is too near {other} at {b}")


@case
def the_c_program_boxes_what_the_network_marks():
    folder = scratch()
    stubs = []
    for name in ("float", "int8"):
        words = {"NAME": name, "UPPER": name.upper()}
        for suffix, text in ((".h", HEADER), (".c", STUB)):
            for word, value in words.items():
                text = text.replace(word, value)
            (folder / f"text_{name}{suffix}").write_text(text)
        stubs.append(folder / f"text_{name}.c")
    flags = ["-D_POSIX_C_SOURCE=199309L", f"-I{folder}"]
    program = link([EXAMPLE / "detect.c", *stubs], [], flags=flags)

    page = np.full((640, 640, 3), 255, np.uint8)
    page[100:120, 50:150] = 0
    page[630:640, 600:640] = 0
    page[300:303, 300:303] = 0  # too small to be a word
    pictures.Image.fromarray(page).save(folder / "page.ppm")
    said = run([program, folder / "page.ppm", folder / "boxes.ppm"]).stdout
    for name in ("float", "int8"):
        boxes = [line for line in said.splitlines() if line.startswith(f"{name} box")]
        check(boxes == [f"{name} box 37 87 162 132", f"{name} box 594 624 639 639"], said)
    drawn = np.asarray(pictures.Image.open(folder / "boxes.ppm"))
    check_equal(drawn[87, 37:163], np.tile(np.uint8([220, 20, 20]), (126, 1)))


@case
def the_c_program_refuses_another_size():
    the_c_program_boxes_what_the_network_marks()
    pictures.Image.new("RGB", (320, 320)).save(scratch() / "small.ppm")
    done = run([scratch() / "app", scratch() / "small.ppm", scratch() / "out.ppm"], status=1)
    check("error: the picture must be 640 x 640" in done.stderr, done.stderr)


main()
