"""What `cmake --install` gives to another build: CMake's find_package, and pkg-config."""

import shutil

from support import *

# Stands in for the compiler: what matters here is how a build calls it.
FAKE_QCC = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
while [ $# -gt 0 ]; do
  case $1 in --prefix=*) name=${1#*=} ;; -o) object=$2 ;; *.onnx) cat "$1" >/dev/null || exit 1 ;; esac
  shift
done
printf '#include <qcc/runtime.h>\\nint %s_answer(void);\\n' "$name" > "${object%.o}.h"
printf 'int %s_answer(void) { return 42; }\\n' "$name" | cc -x c -c - -o "$object"
"""
LISTS = """cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(qcc 0.1 REQUIRED)
qcc_add_model(classifier model.onnx CALIB samples.npz OPTIONS --quantize=static)
add_executable(app main.c)
target_link_libraries(app PRIVATE classifier)
"""
MAIN = """#include "classifier.h"
int main(void) { return classifier_answer() == 42 && qcc_status_string(QCC_OK) ? 0 : 1; }
"""


def install():
    prefix = scratch() / "a prefix"
    run(["cmake", "--install", BUILD, "--prefix", prefix])
    return prefix


def user(prefix):
    """A project of a user, built against what was installed, with FAKE_QCC in qcc's place."""
    program = prefix / "bin/qcc"
    program.parent.mkdir(exist_ok=True)
    program.unlink(missing_ok=True)
    program.write_text(FAKE_QCC)
    program.chmod(0o755)
    source = scratch() / "user"
    source.mkdir()
    for name, text in {"CMakeLists.txt": LISTS, "main.c": MAIN, "model.onnx": "", "samples.npz": ""}.items():
        (source / name).write_text(text)
    flags = " ".join(SANITIZE)
    run(["cmake", "-G", "Ninja", "-S", source, "-B", source / "b", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_FLAGS={flags}"])
    run(["cmake", "--build", source / "b"])
    return source


def calls(prefix):
    return (prefix / "bin/calls").read_text().splitlines()


@case
def the_header_and_the_library_are_installed():
    prefix = install()
    for name in ("include/qcc/runtime.h", "lib/libqcc_rt.a", "lib/cmake/qcc/qccConfig.cmake", "bin/qcc-run"):
        check((prefix / name).exists(), f"{name} is not installed")
    check(BUILD.as_posix() not in (prefix / "lib/cmake/qcc/qccConfig.cmake").read_text(), "names the build folder")


@case
def a_cmake_project_compiles_and_links_a_model():
    prefix = install()
    source = user(prefix)
    run([source / "b/app"])
    expected = f"--prefix=classifier --quantize=static --calib={source}/samples.npz {source}/model.onnx"
    check(calls(prefix) == [f"{expected} -o {source}/b/classifier.qcc/classifier.o"], calls(prefix))


@case
def the_model_is_compiled_again_only_when_something_changed():
    prefix = install()
    source = user(prefix)
    run(["cmake", "--build", source / "b"])
    check(len(calls(prefix)) == 1, "compiled again without a reason")
    time.sleep(0.01)
    (source / "samples.npz").write_text("other")
    run(["cmake", "--build", source / "b"])
    check(len(calls(prefix)) == 2, "not compiled again after the samples changed")


def pkg_config(prefix):
    """The environment in which pkg-config finds what was installed."""
    if not shutil.which("pkg-config"):
        skip("no pkg-config (tools/setup test)")
    return {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}


@case
def pkg_config_knows_the_runtime():
    prefix = install()
    env = pkg_config(prefix)
    flags = run(["pkg-config", "--cflags", "--libs", "qcc"], env=env).stdout
    (scratch() / "main.c").write_text("#include <qcc/runtime.h>\nint main(void) { return qcc_pool_threads(0) != 1; }\n")
    words = " ".join(["cc", *SANITIZE, str(scratch() / "main.c"), "-o", str(scratch() / "app"), flags])
    run(["sh", "-c", words])
    run([scratch() / "app"])


# From here on with the compiler itself: programs of a user who has a float model,
# compiled as it is and quantised, both in one program.
REAL_LISTS = """cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(qcc 0.1 REQUIRED)
qcc_add_model(small small.onnx OPTIONS --quantize=none)
qcc_add_model(small_int8 small.onnx CALIB samples.npz)
add_executable(app main.c)
target_compile_options(app PRIVATE -Wall -Wextra -Werror)
target_link_libraries(app PRIVATE small small_int8)
"""
MAKEFILE = """QCC := $(shell pkg-config --variable=qcc qcc)
CFLAGS += -Wall -Wextra -Werror $(shell pkg-config --cflags qcc)
LDLIBS += $(shell pkg-config --libs qcc)
app: main.o small.o small_int8.o
\t$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@
main.o: main.c small.o small_int8.o
small.o: small.onnx
\t$(QCC) small.onnx --quantize=none -o $@
small_int8.o: small.onnx samples.npz
\t$(QCC) small.onnx --calib=samples.npz -o $@
"""
REAL_MAIN = """#include "small.h"
#include "small_int8.h"
#include <stdio.h>
static unsigned char work[SMALL_WORKSPACE_BYTES + SMALL_INT8_WORKSPACE_BYTES];
static float x[3 * 16 * 16], y[2][10];
int main(void) {
  if (fread(x, sizeof x, 1, stdin) != 1)
    return 2;
  small_inputs in = {.x = x};
  small_outputs out = {.y = y[0]};
  small_int8_inputs in8 = {.x = x};
  small_int8_outputs out8 = {.y = y[1]};
  if (small_run(&in, &out, work, NULL) != QCC_OK || small_int8_run(&in8, &out8, work, NULL) != QCC_OK)
    return 1;
  return fwrite(y, sizeof y, 1, stdout) != 1;
}
"""


def real_project(**files):
    """The folder of a user's project, with a model and its samples, and what the model makes of an input."""
    source = scratch() / "project"
    source.mkdir()
    for name, text in {"main.c": REAL_MAIN, **files}.items():
        (source / name).write_text(text)
    x = small_network(source / "small.onnx")
    rng = np.random.default_rng(2)
    np.savez(source / "samples.npz", x=np.concatenate([x, rng.standard_normal((15, 3, 16, 16), np.float32)]))
    return source, x, run_onnxruntime(source / "small.onnx", {"x": x})["y"]


def moved(prefix):
    """What was installed stays whole when its folder moves."""
    target = prefix.with_name("moved to")
    prefix.rename(target)
    return target


def check_app(app, x, expected):
    said = run([app], text=False, input=x.tobytes()).stdout
    plain, quantised = np.frombuffer(said, np.float32).reshape(2, 1, 10)
    check_close(plain, expected)
    check(20 < sqnr(quantised, expected) < 100, f"int8: {sqnr(quantised, expected):.1f} dB")


@case
def a_cmake_project_runs_what_the_installed_compiler_made():
    prefix = moved(install())
    source, x, expected = real_project(**{"CMakeLists.txt": REAL_LISTS})
    flags = " ".join(SANITIZE)
    run(["cmake", "-S", source, "-B", source / "b", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_FLAGS={flags}"])
    run(["cmake", "--build", source / "b"])
    check_app(source / "b/app", x, expected)


@case
def a_makefile_with_pkg_config_does_the_same():
    prefix = moved(install())
    env = pkg_config(prefix)
    source, x, expected = real_project(Makefile=MAKEFILE)
    flags = " ".join(SANITIZE)
    run(["make", "-C", source], env={**env, "CFLAGS": flags, "LDFLAGS": flags})
    check_app(source / "app", x, expected)


main()
