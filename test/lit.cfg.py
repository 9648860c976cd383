# How lit runs the tests. `lit -v test/quantize` works too, with the build that
# QCC_BUILD names, or the first of build/dev and build/release.
import os
import sys

import lit.formats

sys.path.insert(0, os.path.dirname(__file__))
import features
import formats

root = str(features.ROOT)
build = getattr(config, "qcc_build", None) or str(features.build_folder())
llvm_bin = getattr(config, "llvm_bin", "/usr/lib/llvm-22/bin")
python = os.path.join(root, "build", "venv", "bin", "python")
if not os.path.exists(python):
    lit_config.fatal("build/venv is not there: run tools/setup test")

config.name = "qcc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.join(root, "test")
config.test_exec_root = os.path.join(build, "test")

config.available_features.update(features.available(features.Path(build)))
shared = str(features.shared_folder())

config.environment.update(features.sanitizer_environment())
config.environment.update(
    {
        "PATH": os.pathsep.join([os.path.join(build, "bin"), llvm_bin, config.environment["PATH"]]),
        "QCC_BUILD": build,
        "QCC_SHARED": shared,
        "FILECHECK_OPTS": "-enable-var-scope -dump-input-filter=error",
    }
)
config.environment.pop("QCC_ISA", None)

sanitize = "-fsanitize=address,undefined " if "asan" in config.available_features else ""
config.substitutions += [
    ("%qcc-opt", os.path.join(build, "bin", "qcc-opt")),
    ("%qcc-run", os.path.join(build, "bin", "qcc-run")),
    ("%qcc", os.path.join(build, "bin", "qcc")),
    ("%shared", shared),
    ("%python", python),
    ("%root", root),
    ("%build", build),
    # A program that uses a compiled model: %cc main.c model.o %rt -o app
    ("%cc", f"gcc -std=c11 {sanitize}-O1 -Wall -Wextra -Werror -I{root}/runtime/include"),
    ("%cxx", f"g++ -std=c++17 {sanitize}-O1 -Wall -Wextra -Werror -I{root}/runtime/include"),
    ("%rt", f"{build}/lib/libqcc_rt.a -pthread -lm"),
]
