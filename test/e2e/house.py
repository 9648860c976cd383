"""The house itself: where the build puts things, and that lint and the count see faults."""

import re
import shutil

from support import *


@case
def the_public_header_compiles_alone_as_c99_and_cxx():
    for compiler, standard, suffix in (("gcc", "-std=c99", ".c"), ("g++", "-std=c++11", ".cpp")):
        source = scratch() / f"alone{suffix}"
        source.write_text("#include <qcc/runtime.h>\n")
        include = ROOT / "runtime/include"
        run([compiler, standard, *WARNINGS, "-pedantic", "-fsyntax-only", "-I", include, source])


@case
def the_runtime_links_into_a_c_program():
    source = scratch() / "main.c"
    source.write_text(
        "#include <qcc/runtime.h>\n#include <stdio.h>\n"
        "int main(void) { return puts(qcc_status_string(QCC_ERR_BUSY)) < 0; }\n"
    )
    said = run([link([source], [])]).stdout.strip()
    check(len(said) > 3, f"the text of QCC_ERR_BUSY is {said!r}")


@case
def the_sanitisers_see_an_overflow_and_a_leak():
    require("asan")
    for fault in ("char *p = malloc(4); p[argc + 3] = 1; free(p);", "return malloc(argc * 40) == 0;"):
        source = scratch() / "fault.c"
        source.write_text(f"#include <stdlib.h>\nint main(int argc, char **argv) {{ (void)argv; {fault} return 0; }}\n")
        done = run([link([source], [])], status=None)
        seen = "Sanitizer" in done.stderr or "runtime error" in done.stderr
        check(done.returncode != 0 and seen, f"not seen: {fault}\n{done.stderr}")


def lint(name, text):
    """What lint says of a checkout with one file."""
    require("git")
    folder = scratch()
    (folder / "tools").mkdir()
    for tool in ("lint", "optable.py"):
        shutil.copy(ROOT / "tools" / tool, folder / "tools")
    shutil.copy(ROOT / ".clang-format", folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    run(["git", "init", "-q"], cwd=folder)
    run(["git", "add", name], cwd=folder)
    return run([sys.executable, "tools/lint"], status=None, cwd=folder)


@case
def lint_refuses_an_operation_without_its_cells():
    folder = scratch()
    for name in ("tools/optable.py", "tools/optable.exceptions", *sorted(ROOT.glob("dialects/*.td"))):
        copy = folder / (ROOT / name).relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy)
    with (folder / "dialects/QccOps.td").open("a") as table:
        table.write('def Qcc_FrobOp : Qcc_Op<"frob", Onnx<"Frob">, Q_Product>;\n')
    check_command = "import optable, pathlib; print(*optable.check(pathlib.Path()), sep='\\n')"
    done = run([sys.executable, "-c", check_command], cwd=folder, env={"PYTHONPATH": "tools"})
    for column in ("reference", "float", "int8", "test"):
        check(re.search(f"no {column}: .*frob", done.stdout), done.stdout)


@case
def lint_accepts_clean_code():
    done = lint("compiler/fuse/Fuse.cpp", '#include "dialects/Qcc.h"\n\nint x;\n')
    check(done.returncode == 0, done.stdout)


@case
def lint_prints_the_patch_of_a_wrong_format():
    done = lint("compiler/fuse/Fuse.cpp", "int  x;\n")
    check(done.returncode == 1 and "-int  x;\n+int x;\n" in done.stdout, done.stdout)


@case
def lint_refuses_an_include_of_another_stage():
    done = lint("compiler/fuse/Fuse.cpp", '#include "compiler/quantize/Plan.h"\n')
    expected = "error: compiler/fuse/Fuse.cpp:1: compiler/fuse may not include compiler/quantize"
    check(done.returncode == 1 and expected in done.stdout, done.stdout)


@case
def lint_refuses_an_include_of_the_compiler_by_the_dialect():
    done = lint("dialects/Qcc.cpp", '#include "compiler/Pipeline.h"\n')
    check(done.returncode == 1 and "dialects may not include compiler" in done.stdout, done.stdout)


@case
def lint_refuses_the_path_of_one_machine():
    done = lint("docs/a.md", "see /" + "home/me/x\n")
    check(done.returncode == 1 and "error: docs/a.md:1: names a path" in done.stdout, done.stdout)


@case
def lint_warns_of_long_functions_and_files():
    body = "".join(f"  use({i});\n" for i in range(70))
    other = "".join(f"int g{i};\n" for i in range(450))
    done = lint("dialects/Qcc.cpp", f"void use(int);\nvoid f() {{\n{body}}}\n{other}")
    check("warning: dialects/Qcc.cpp:2: a function of 72 lines" in done.stdout, done.stdout)
    check("warning: dialects/Qcc.cpp: has 523 lines" in done.stdout, done.stdout)


def setup_with(**programs):
    """What tools/setup says where these programs behave like that."""
    folder = scratch() / "bin"
    folder.mkdir()
    for name, text in programs.items():
        name = name.replace("_", "-")
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return run([ROOT / "tools/setup", "build"], status=None, env=env)


@case
def setup_without_rights_names_the_missing_packages():
    done = setup_with(dpkg_query='test "$3" != ccache && echo installed', id="echo 1000", sudo="exit 1", apt_get="exit 9")
    check(done.returncode == 1, done.stderr)
    check("not root" in done.stderr and "run as root: apt-get install ccache\n" in done.stderr, done.stderr)


@case
def setup_installs_only_what_is_missing():
    log = scratch() / "apt.log"
    done = setup_with(dpkg_query='test "$3" != ccache && echo installed', id="echo 0", apt_get=f'echo "$@" >> {log}')
    check(done.returncode == 0, done.stderr)
    last = log.read_text().splitlines()[-1]
    check(last.endswith("install --no-install-recommends ccache"), last)


@case
def setup_is_silent_where_nothing_is_missing():
    done = setup_with(dpkg_query="echo installed", id="echo 1000", apt_get="exit 9")
    check(done.returncode == 0 and done.stdout + done.stderr == "", done.stderr)


def refusing(text):
    program = scratch() / "refuse"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


@case
def a_refusal_is_checked_for_words_status_and_files():
    fine = "echo 'm.onnx: error: no' >&2; exit 1"
    check_refused("m.onnx", says=["m.onnx: error"], program=refusing(fine))
    faults = ["echo 'error: other' >&2; exit 1", "echo 'm.onnx: error: no' >&2; exit 0", "kill -SEGV $$", f"touch x; {fine}"]
    for fault in faults:
        try:
            check_refused("m.onnx", says=["m.onnx: error"], program=refusing(fault))
        except AssertionError:
            continue
        raise AssertionError(f"accepted: {fault}")


def count(tests, status):
    results = scratch() / "results.json"
    tests = [{"name": f"qcc :: {name}", "code": code, "output": text} for name, code, text in tests]
    results.write_text(json.dumps({"tests": tests}))
    return run([sys.executable, ROOT / "tools/count-tests", results, str(status)], status=None)


@case
def the_count_is_of_cases_and_names_reasons():
    tests = [("a.mlir", "PASS", ""), ("u", "PASS", ""), ("u:one", "PASS", ""), ("u:two", "UNSUPPORTED", "no network")]
    tests += [("b.mlir", "UNSUPPORTED", "Test requires the following unavailable features: avx2")]
    done = count(tests, 0)
    check(done.returncode == 0, done.stdout)
    check("skipped: no network:\n  u:two\n" in done.stdout, done.stdout)
    check("skipped: this CPU has no AVX2:\n  b.mlir\n" in done.stdout, done.stdout)
    check(done.stdout.splitlines()[-1] == "2 passed, 0 failed, 2 skipped", done.stdout)


@case
def the_count_fails_with_a_failed_case_or_a_crash():
    for tests in ([("u", "FAIL", "x"), ("u:one", "PASS", ""), ("u:two", "FAIL", "")], [("u", "PASS", ""), ("v", "FAIL", "")]):
        done = count(tests, 1)
        check(done.returncode == 1 and done.stdout.splitlines()[-1] == "1 passed, 1 failed", done.stdout)


@case
def the_count_fails_where_a_program_failed_without_a_failed_case():
    done = count([("u", "FAIL", "leaked"), ("u:one", "PASS", "")], 1)
    check(done.stdout.splitlines()[-1] == "1 passed, 1 failed", done.stdout)


@case
def the_count_fails_where_nothing_ran():
    done = count([], 0)
    check(done.returncode == 1 and done.stdout.splitlines()[-1] == "0 passed, 1 failed", done.stdout)


main()
