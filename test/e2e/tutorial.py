"""docs/tutorial-fashion-mnist: its commands, as the page has them, and its table of results."""

import re

from support import *

PAGE = ROOT / "docs/tutorial-fashion-mnist/README.md"
DATA = MODELS / "fashion-mnist/data"
_results = {}


def commands():
    """The blocks marked `sh`, in order; the ones marked `text` are for other machines, or output."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))


def table():
    """{name: (KiB, percent)} of the rows of the page's table."""
    rows = re.findall(r"^\| (.+?) \| *([\d.]+) KiB \| *([\d.]+) % \|", PAGE.read_text(), re.MULTILINE)
    return {name: (float(size), float(right)) for name, size, right in rows}


def follow():
    """Does what the page says, once for all cases; gives the folder and what was printed."""
    if not _results:
        folder = scratch() / "fashion"
        folder.mkdir()
        (folder / "data").symlink_to(DATA)
        python, path = ROOT / "build/venv/bin", os.environ["PATH"]
        env = {"root": str(ROOT), "PATH": f"{BUILD / 'bin'}:{python}:{path}", "OPENBLAS_NUM_THREADS": "1"}
        script = commands().replace("$root/build/release/lib", str(BUILD / "lib"))
        done = run(["bash", "-euxo", "pipefail", "-c", script], env={**env, "PYTHONDONTWRITEBYTECODE": "1"}, cwd=folder)
        right = [float(number) for number in re.findall(r"^([\d.]+) % of 10000 are right", done.stdout, re.MULTILINE)]
        check(len(right) == 3, done.stdout)
        _results.update(folder=folder, right=dict(zip(("float", "int8", "qat"), right)), said=done.stderr)
    return _results


@case
def the_page_can_be_followed_and_its_table_is_true():
    require("shared-models", "avx2", "no-asan")
    found, rows = follow(), table()
    check(len(rows) == 3, f"the page's table has the rows {list(rows)}")
    for (title, (size, right)), name in zip(rows.items(), ("float", "int8", "qat")):
        actual = (found["folder"] / name / "fashion.o").stat().st_size / 1024
        check(abs(actual - size) <= 0.15 * size, f"{title}: the page says {size} KiB, here it has {actual:.1f}")
        # Another processor sums in another order, and training makes more of that.
        check(abs(found["right"][name] - right) <= 1, f"{title}: the page says {right} %, here it is {found['right'][name]} %")


@case
def int8_loses_at_most_a_fifth_of_a_point():
    require("shared-models", "avx2", "no-asan")
    right = follow()["right"]
    check(right["int8"] >= right["float"] - 0.2, f"{right}")
    check(right["qat"] >= right["float"] - 0.2, f"{right}")


@case
def all_of_the_network_is_quantised():
    require("shared-models", "avx2", "no-asan")
    said = follow()["said"]
    check(len(re.findall(r"operations in int8, 0 in float", said)) >= 2, said)


main()
