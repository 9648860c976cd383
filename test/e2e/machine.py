"""A world that fails: full disks, signals, want of memory. The old output stays or the
new one is whole, nothing else is left, and the message says what is wrong."""

import random
import shutil
import signal

from support import *

QCC = BUILD / "bin/qcc"
KINDS = {"obj": "m.o", "shared": "m.so", "asm": "m.s"}
_network = None


def network():
    """A small float model and calibration data, in a folder that no case empties."""
    global _network
    if not _network:
        _network = Path(tempfile.mkdtemp(dir=BUILD / "test"))
        x = small_network(_network / "m.onnx")
        np.savez(_network / "c.npz", x=np.concatenate([x, -x]))
    return _network


def compile(*options, status=0, **more):
    return run([QCC, "-q", "--quantize=none", network() / "m.onnx", *options], status, **more)


def listing(folder=None):
    return sorted(str(f.relative_to(folder or scratch())) for f in (folder or scratch()).rglob("*"))


def check_fails(*options, says, status=1, **more):
    """That a compile fails with one line that says so, and changes no file."""
    before = {f: f.read_bytes() for f in scratch().rglob("*") if f.is_file()}
    done = compile(*options, status=status, **more)
    check(done.stderr.count("\n") == 1 and "error: " in done.stderr and says in done.stderr, f"{options}:\n{done.stderr}")
    after = {f: f.read_bytes() for f in scratch().rglob("*") if f.is_file()}
    check(after == before, f"{options}: {sorted(map(str, before))} became {sorted(map(str, after))}")


# Where the output goes


@case
def a_device_or_a_pipe_is_written_alone():
    for kind, name in KINDS.items():
        check_fails(f"--emit={kind}", "-o", "/dev/full", says="cannot write '/dev/full': No space left on device")
        (scratch() / name).symlink_to("/dev/null")
        compile(f"--emit={kind}", "-o", scratch() / name)
        check(listing() == [name], f"{kind}: {listing()}")
        (scratch() / name).unlink()
    os.mkfifo(scratch() / "pipe.o")
    reader = subprocess.Popen(["cat", scratch() / "pipe.o"], stdout=subprocess.PIPE)
    compile("-o", scratch() / "pipe.o", "--prefix=m")
    through = reader.communicate()[0]
    check(listing() == ["pipe.o"], listing())
    compile("-o", scratch() / "m.o", "--prefix=m")
    check(through == (scratch() / "m.o").read_bytes(), "the pipe carries the object")


@case
def a_pipe_that_nobody_reads_is_an_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([QCC, "--until=import", network() / "m.onnx"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    check(done.returncode == 1 and "Broken pipe" in done.stderr, f"{done.returncode}: {done.stderr}")


@case
def a_limit_on_file_sizes():
    for kind, name in KINDS.items():
        output = scratch() / name
        output.write_text("old")
        words = f"ulimit -f 0; exec {QCC} -q --quantize=none --emit={kind} {network()}/m.onnx -o {output}"
        done = run(["sh", "-c", words], status=1)
        check("File too large" in done.stderr, done.stderr)
        check(output.read_text() == "old", f"{kind}: the old output is gone")
    check(listing() == sorted(KINDS.values()), listing())


def mounted(options, words):
    """Runs a shell's words where the case's folder `disk` is a file system of its own."""
    disk = scratch() / "disk"
    disk.mkdir(exist_ok=True)
    script = f"mount -t tmpfs -o {options} none {disk} && cd {disk} && {{ {words} }}"
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        if run([*unshare, "sh", "-c", f"mount -t tmpfs none {disk}"], status=None).returncode == 0:
            return run([*unshare, "sh", "-c", script], status=None)
    skip("this machine lets nobody mount a file system")


@case
def a_small_disk():
    for kind, name in KINDS.items():
        command = f"{QCC} -q --quantize=none --emit={kind} {network()}/m.onnx -o {name}"
        done = mounted("size=16k", f"echo old >{name}; {command}; echo status $?; ls; cat {name};")
        check(done.stdout.split() == ["status", "1", name, "old"], f"{kind}: {done.stdout}")
        check(f"cannot write '{name}': No space left on device" in done.stderr, done.stderr)


@case
def a_read_only_disk():
    there = f"{QCC} -q --quantize=none {network()}/m.onnx"
    done = mounted("size=1m", f"mount -o remount,ro . && {there}; echo status $?; {there} -o {scratch()}/m.o; echo status $?; ls;")
    check(done.stdout.split() == ["status", "1", "status", "0"], done.stdout)
    check("cannot write 'm.o': Read-only file system" in done.stderr, done.stderr)
    check(listing() == ["disk", "m.h", "m.o"], listing())


@case
def a_folder_without_permission():
    folder = scratch() / "closed"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        skip("root writes everywhere")
    check_fails("-o", folder / "m.o", says="Permission denied")


@case
def folders_and_names_that_do_not_fit():
    check_fails("-o", scratch() / "no/m.o", says="No such file or directory")
    (scratch() / "m.o").mkdir()
    check_fails("-o", scratch() / "m.o", says="Is a directory")
    (scratch() / "n.h").mkdir()
    check_fails("-o", scratch() / "n.o", says="n.h': Is a directory")
    check_fails("-o", scratch() / "a.h", says="is the name of the header", status=2)
    check_fails("-o", scratch() / ("n" * 300), says="File name too long")
    loop = scratch() / "loop.o"
    loop.symlink_to("loop.o")
    compile("-o", loop)  # replaced, like every output
    check(loop.is_file(), "the link that led nowhere was replaced")


# Signals


def interrupted(kind, number, delay):
    """What is in the folder after a signal: the old files, or new whole ones."""
    output = scratch() / KINDS[kind]
    temporary = scratch() / "tmp"
    command = [QCC, "-q", "--quantize=none", f"--emit={kind}", network() / "m.onnx", "-o", output]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(temporary)})
    try:
        child.wait(delay)
    except subprocess.TimeoutExpired:
        child.send_signal(number)
    said = child.communicate()[1]
    # 1: the signal took away the temporary files, and the run met that before its own end.
    check(child.returncode in (0, 1, -number), f"{number} after {delay:.3f} s: status {child.returncode}: {said}")
    return child.returncode == 0


@case
def signals_at_random_moments():
    rng = random.Random(1)
    (scratch() / "tmp").mkdir()
    for kind in ("obj", "shared"):
        output = scratch() / KINDS[kind]
        start = time.monotonic()
        compile(f"--emit={kind}", "-o", output)
        usual = time.monotonic() - start
        new = output.read_bytes()
        ended = 0
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL] * 4:
            output.write_text("old")
            start = time.monotonic()
            if interrupted(kind, number, rng.uniform(0.02, 1.1) * usual):
                usual = min(usual, time.monotonic() - start)  # the first one may have met a busy moment
            else:
                ended += 1
            check(output.read_bytes() in (b"old", new), f"{kind}: the output is neither old nor new")
            left = [f for f in listing() if f.endswith(".tmp") or f.startswith("tmp/")]
            check(number == signal.SIGKILL or not left, f"{kind}: signal {number} left {left}")
            for file in left:
                (scratch() / file).unlink()
        check(ended > 2, "no signal came in time")


@case
def two_compilers_to_one_output():
    output = scratch() / "m.so"
    compile("--emit=shared", "-o", output)
    whole = output.read_bytes()
    command = [QCC, "-q", "--quantize=none", "--emit=shared", network() / "m.onnx", "-o", output]
    for _ in range(3):
        both = [subprocess.Popen(command) for _ in range(2)]
        check([child.wait() for child in both] == [0, 0], "both succeed")
        check(output.read_bytes() == whole and listing() == ["m.so"], listing())


# Memory


@case
def an_allocation_that_fails():
    require("no-asan")
    shim = scratch() / "fail_alloc.so"
    source = Path(__file__).parent / "Inputs/fail_alloc.c"
    run(["gcc", "-std=c11", "-O1", *WARNINGS, "-shared", "-fPIC", source, "-o", shim])
    before = listing()
    outcomes = set()
    for kind, goes_on in (("shared", "1"), ("obj", "")):
        number = 1
        while number < 300000:
            env = {"LD_PRELOAD": str(shim), "FAIL_ALLOC": str(number), **({"FAIL_ALLOC_ON": "1"} if goes_on else {})}
            output = scratch() / KINDS[kind]
            done = compile(f"--emit={kind}", "-o", output, status=None, env=env)
            said = f"allocation {number} of {kind}: exit status {done.returncode}:\n{done.stderr}"
            check(done.returncode in (0, 1), said)
            check(done.returncode == 0 or "error: " in done.stderr, said)
            check(done.returncode == 0 or listing() == before, f"{said}\nleft: {listing()}")
            for made in set(listing()) - set(before):
                (scratch() / made).unlink()
            outcomes.add(done.returncode)
            number = number * 7 // 4 + 1
    check(1 in outcomes, "no allocation failed")


@case
def a_limit_on_memory():
    require("no-asan")
    words = f"ulimit -v 150000; exec {QCC} -q --quantize=none {network()}/m.onnx -o {scratch()}/m.o"
    done = run(["sh", "-c", words], status=None)
    check(done.returncode in (1, 127) and not listing(), f"{done.returncode}: {done.stderr}")


# What must not matter


def same_bytes(variants):
    """That all ways to compile give the same object and header."""
    made = {}
    for name, (options, more) in variants.items():
        output = scratch() / name / "m.o"
        output.parent.mkdir()
        run([QCC, "-q", f"--calib={network()}/c.npz", "--calib-method=minmax", network() / "m.onnx", "-o", output, *options], **more)
        made[name] = (output.read_bytes(), output.with_suffix(".h").read_bytes())
    first = next(iter(made))
    for name, files in made.items():
        check(files == made[first], f"'{name}' and '{first}' differ")


@case
def folder_threads_time_and_environment_do_not_change_a_byte():
    there = scratch() / "there"
    there.mkdir()
    same_bytes(
        {
            "plain": ([], {}),
            "elsewhere": ([], {"cwd": there}),
            "one": (["-j1"], {}),
            "two": (["-j2"], {}),
            "long ago": ([], {"env": {"SOURCE_DATE_EPOCH": "1", "TZ": "Asia/Tokyo"}}),
            "verbose": (["-v"], {}),
        }
    )
    for file in ("m.onnx", "c.npz"):
        shutil.copy(network() / file, there)
    run([QCC, "-q", "--calib=c.npz", "--calib-method=minmax", "m.onnx", "-o", "m.o"], cwd=there)
    check((there / "m.o").read_bytes() == (scratch() / "plain/m.o").read_bytes(), "relative paths give other bytes")


@case
def no_environment_at_all():
    for kind, name in KINDS.items():
        command = [QCC, "-q", "--quantize=none", f"--emit={kind}", network() / "m.onnx", "-o", scratch() / name]
        keep = features.sanitizer_environment() if SANITIZE else {}
        done = subprocess.run(command, env=keep, stderr=subprocess.PIPE, text=True)
        check(done.returncode == 0 and not done.stderr, f"{kind}: {done.stderr}")


@case
def a_folder_for_temporaries_that_is_not_there():
    check_fails("--emit=shared", "-o", scratch() / "m.so", env={"TMPDIR": str(scratch() / "no")}, says="TMPDIR")


@case
def a_decimal_comma():
    if not shutil.which("localedef") or not Path("/usr/share/i18n/locales/tr_TR").exists():
        skip("localedef has no tr_TR here (Debian's package locales)")
    run(["localedef", "-i", "tr_TR", "-f", "UTF-8", scratch() / "tr_TR.UTF-8"], status=None)
    turkish = {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "LOCPATH": str(scratch())}
    same_bytes({"plain": ([], {}), "turkish": ([], {"env": turkish})})


@case
def closed_standard_streams():
    output = scratch() / "m.o"
    compile("-o", output)
    expected = output.read_bytes()
    for closed in (">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"):
        output.unlink()
        run(["sh", "-c", f"exec {QCC} --quantize=none {network()}/m.onnx -o {output} {closed}"])
        check(output.read_bytes() == expected, f"{closed}: another object")
        run(["sh", "-c", f"exec {QCC} {network()}/no.onnx {closed}"], status=1)


try:
    main()
finally:
    if _network:
        shutil.rmtree(_network)
