"""Wrong usage is exit 2 with one line on stderr that names the option."""
import subprocess

CASES = {
    "": "no model given",
    "a.so b.so": "more than one model: 'a.so' and 'b.so'",
    "a.so --wat": "unknown option '--wat'",
    "a.so --in": "'--in' needs a value",
    "a.so --in x.npy": "'--in x.npy' is not NAME=FILE.npy",
    "a.so --samples": "--samples needs an --in",
    "a.so --samples=3 --in a=b": "'--samples' takes no value",
    "a.so --bench=soon": "'--bench=soon'",
    "a.so --bench=-1": "'--bench=-1'",
    "a.so --threads=1.5": "'--threads=1.5' is not a whole number",
    "a.so --threads=-1": "'--threads=-1'",
    "a.so --rtol 1": "--rtol and --atol need --expect",
    "a.so --expect a=b --rtol nan": "'--rtol=nan'",
    "a.so --out-dir=": "'--out-dir' needs a folder",
}

for arguments, message in CASES.items():
    run = subprocess.run(["qcc-run", *arguments.split()], capture_output=True, text=True)
    lines = run.stderr.splitlines()
    good = run.returncode == 2 and len(lines) == 1 and not run.stdout
    assert good and lines[0].startswith("qcc-run: error: " + message), (arguments, run)
