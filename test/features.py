"""What this machine and this build can test. Read by lit and by test/e2e."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A feature is the word of a `REQUIRES:` line or of support.require; its text is
# the reason that is printed where a test is skipped for the lack of it.
REASONS = {
    "shared-models": "the shared models are not there; set QCC_SHARED to their folder's parent",
    "avx2": "this CPU has no AVX2",
    "avxvnni": "this CPU has no AVX-VNNI",
    "avx512vnni": "this CPU has no AVX-512 VNNI",
    "avx512bf16": "this CPU has no AVX-512 BF16",
    "aarch64": "no cross compiler or emulator for AArch64 (tools/setup test)",
    "gpu": "no NVIDIA GPU with a driver",
    "asan": "only for the asan preset",
    "no-asan": "not under the sanitisers",
    "git": "not a git checkout",
}

CPU_FLAGS = {
    "avx2": {"avx2", "fma", "f16c"},
    "avxvnni": {"avx2", "fma", "f16c", "avx_vnni"},
    "avx512vnni": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"},
    "avx512bf16": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16"},
}


def shared_folder():
    """QCC_SHARED, else `shared` beside the checkout (of a git worktree: beside the main one)."""
    if os.environ.get("QCC_SHARED"):
        return Path(os.environ["QCC_SHARED"])
    beside = ROOT.parent / "shared"
    if beside.is_dir():
        return beside
    command = ["git", "-C", ROOT, "rev-parse", "--path-format=absolute", "--git-common-dir"]
    git = subprocess.run(command, capture_output=True, text=True) if shutil.which("git") else None
    if git and git.returncode == 0:
        return Path(git.stdout.strip()).parent.parent / "shared"
    return beside


def build_folder():
    """The build that tests use: QCC_BUILD, else the first of the presets that was built."""
    if os.environ.get("QCC_BUILD"):
        return Path(os.environ["QCC_BUILD"]).resolve()
    candidates = [ROOT / "build" / name for name in ("dev", "release", "asan")]
    return next((c for c in candidates if (c / "CMakeCache.txt").exists()), candidates[0])


def sanitized(build):
    cache = build / "CMakeCache.txt"
    return cache.exists() and "QCC_SANITIZE:BOOL=ON" in cache.read_text()


def cpu_flags():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split(":")[1].split()) for line in lines if line.startswith("flags")), set())


def available(build):
    found = {platform.machine(), "asan" if sanitized(build) else "no-asan"}
    flags = cpu_flags()
    found.update(name for name, needed in CPU_FLAGS.items() if needed <= flags)
    if (shared_folder() / "models").is_dir():
        found.add("shared-models")
    if shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64-static"):
        found.add("aarch64")
    if Path("/dev/nvidiactl").exists():
        found.add("gpu")
    if (ROOT / ".git").exists() and shutil.which("git"):
        found.add("git")
    return found


def sanitizer_environment():
    """LLVM's and MLIR's shared libraries are not instrumented, ours are: memory that
    one side poisons in an inline allocator and the other uses is no error."""
    return {
        "ASAN_OPTIONS": "allow_user_poisoning=0:detect_odr_violation=0:detect_leaks=1:"
        "detect_stack_use_after_return=1:handle_abort=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }


def load_sanitizers(build):
    """Python has no sanitisers, and what it loads from a sanitised `build` needs them: starts this program anew
    with them. The programs that it starts itself are left alone."""
    if not sanitized(build):
        return
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        ask = lambda name: subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
        libraries = [ask(name).stdout.strip() for name in ("libasan.so", "libubsan.so")]
        environment = os.environ | sanitizer_environment() | {"LD_PRELOAD": " ".join(libraries)}
        environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    del os.environ["LD_PRELOAD"]
    os.environ.update(sanitizer_environment())
