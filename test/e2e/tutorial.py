"""docs/tutorial-fashion-mnist: its commands, as the page has them, and its table of results."""

import re

from support import *

PAGE = ROOT / "docs/tutorial-fashion-mnist/README.md"
DATA = MODELS / "fashion-mnist/data"


def commands():
    """The blocks marked `sh`, in order; the ones marked `text` are for other machines, or output."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))


def table():
    """{name: (KiB, percent)} of the rows of the page's table."""
    rows = re.findall(r"^\| (.+?) \| *([\d.]+) KiB \| *([\d.]+) % \|", PAGE.read_text(), re.MULTILINE)
    return {name: (float(size), float(right)) for name, size, right in rows}


def follow():
    """Does what the page says; gives the folder, the accuracies and what qcc said."""
    folder = scratch() / "fashion"
    folder.mkdir()
    (folder / "data").symlink_to(DATA)
    path = f"{BUILD / 'bin'}:{ROOT / 'build/venv/bin'}:{os.environ['PATH']}"
    env = {"root": str(ROOT), "PATH": path, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    script = commands().replace("$root/build/release/lib", str(BUILD / "lib"))
    done = run(["bash", "-euxo", "pipefail", "-c", script], env=env, cwd=folder, timeout=1100)
    right = [float(number) for number in re.findall(r"^([\d.]+) % of 10000 are right", done.stdout, re.MULTILINE)]
    names = ("float", "int8", "dynamic", "int4", "bf16", "qat")
    check(len(right) == len(names), done.stdout)
    return folder, dict(zip(names, right)), done.stderr


@case
def the_page_can_be_followed_and_its_table_is_true():
    require("shared-models", "avx2", "no-asan")
    rows = table()
    folder, right, said = follow()
    print(right)
    check(len(rows) == len(right), f"the page's table has the rows {list(rows)}")
    for (title, (size, percent)), name in zip(rows.items(), right):
        actual = (folder / name / "fashion.o").stat().st_size / 1024
        check(abs(actual - size) <= 0.15 * size, f"{title}: the page says {size} KiB, here it has {actual:.1f}")
        # Another processor sums in another order, and training makes more of that.
        check(abs(right[name] - percent) <= 1, f"{title}: the page says {percent} %, here it is {right[name]} %")
        check(right[name] >= right["float"] - 0.2, f"{title} loses {right['float'] - right[name]:.2f} points")
    check(len(re.findall(r"operations in int8, 0 in float", said)) == 5, f"something stayed in float:\n{said}")


main()
