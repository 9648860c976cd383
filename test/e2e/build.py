"""What the build promises: where things lie (the contract's section 0)."""

from support import *


@case
def the_library_lies_in_lib():
    check((BUILD / "lib" / "libQccReference.a").exists(), f"no libQccReference.a in {BUILD}/lib")


@case
def the_public_header_compiles_alone_as_c99_and_cxx():
    header = ROOT / "runtime/include/qcc/runtime.h"
    for compiler, standard, suffix in (("gcc", "-std=c99", ".c"), ("g++", "-std=c++11", ".cpp")):
        source = scratch() / f"alone{suffix}"
        source.write_text("#include <qcc/runtime.h>\n")
        run([compiler, standard, *WARNINGS, "-pedantic", "-fsyntax-only", "-I", ROOT / "runtime/include", source])
    check(header.exists(), f"{header} is not there")


main()
