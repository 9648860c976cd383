"""From what was measured to what is told: ratios, the tables, the sentences below them."""

import math

PEERS = ("ort", "openvino")
OURS = {"qcc-int8": "ort-int8", "qcc-dynamic": "ort-dynamic", "qcc-int4": "ort-dynamic"}  # and what ONNX Runtime does alike


def processor_name():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def good(rows):
    return [row for row in rows if "error" not in row]


def is_peer(row):
    return row["engine"].startswith(PEERS)


def peak_of(result, network, threads, isa, precision):
    """That of the variant, or of the processor where the engine names no word of --march."""
    found = {}
    for peak in result["peaks"]:
        if (peak["network"], peak["threads"], peak["precision"]) == (network, threads, precision):
            found[peak["isa"]] = peak["gmacs"]
    return found.get(isa) or found.get(result["machine"]["isa"])


def group(rows, network, threads):
    return [r for r in rows if r["network"] == network and r["threads"] == threads]


def best_peer(rows, precision):
    """The fastest peer that a row of `precision` is compared with: int8 with all of them."""
    peers = [r for r in rows if is_peer(r) and (precision == "int8" or r["precision"] == precision)]
    return min(peers, key=lambda r: r["min_ms"], default=None)


def complete(result):
    """Adds to each row its share of the peak and its ratio to the best peer, and the summary."""
    rows = good(result["rows"])
    for row in rows:
        peak = peak_of(result, row["network"], row["threads"], row["isa"], row["precision"])
        row["of_peak"] = row["gmacs"] / peak if peak else None
        best = best_peer(group(rows, row["network"], row["threads"]), row["precision"])
        row["x_best_peer"] = best["min_ms"] / row["min_ms"] if best else None
    for model in result["layers"]:
        peak = peak_of(result, model["network"], 1, model["isa"], model["precision"])
        for layer in model["layers"]:
            rate = layer["macs"] * 1e-6 / layer["min_ms"] if layer["macs"] and layer["min_ms"] else None
            layer["gmacs"] = rate
            layer["of_peak"] = rate / peak if rate and peak else None
    result["summary"] = summary(result)


def ratios(rows, engine):
    """The comparisons that qcc is judged by, for one network, number of threads and kind of int8."""
    named = {row["engine"]: row for row in rows}
    ours = named[engine]
    best = best_peer(rows, "int8")
    found = {"engine": engine, "best_peer": best["engine"] if best else None, "x_best_peer": ours["x_best_peer"]}
    for key, other in (("x_ort_int8", OURS[engine]), ("x_qcc_fp32", "qcc-fp32")):
        found[key] = named[other]["min_ms"] / ours["min_ms"] if other in named else None
    if "qcc-fp32" in named and "ort-fp32" in named:
        found["fp32_x_ort_fp32"] = named["ort-fp32"]["min_ms"] / named["qcc-fp32"]["min_ms"]
    if "qcc-bf16" in named and (peer := best_peer(rows, "bf16")):
        found["bf16_x_peer"] = peer["min_ms"] / named["qcc-bf16"]["min_ms"]
    return found


def summary(result):
    rows, found = good(result["rows"]), []
    single = {(r["network"], r["engine"]): r["min_ms"] for r in rows if r["threads"] == 1}
    for network, threads, engine in dict.fromkeys((r["network"], r["threads"], r["engine"]) for r in rows if r["engine"] in OURS):
        line = {"network": network, "threads": threads, **ratios(group(rows, network, threads), engine)}
        alone = single.get((network, engine))
        if threads > 1 and alone:
            ours = next(r for r in group(rows, network, threads) if r["engine"] == engine)
            line["x_one_thread"] = alone / ours["min_ms"]
        found.append(line)
    return found


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


# Text


def threads_text(count):
    return f"{count} thread" + "s" * (count != 1)


def number(value, form):
    return format(value, form) if value is not None else "-"


def table(head, lines, left):
    """Columns as wide as they must be; the first `left` are aligned to the left."""
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    text = ""
    for line in [head, *lines]:
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        text += "  ".join(cells).rstrip() + "\n"
    return text


def row_cells(row):
    first = [row["network"], row["engine"], row["precision"] or "-", row.get("isa") or "-", str(row["threads"])]
    if "error" in row:
        return [*first, *["-"] * 6]
    share = number(100 * row["of_peak"] if row["of_peak"] else None, ".0f")
    return [
        *first, f"{row['min_ms']:.3f}", f"{row['median_ms']:.3f}", f"{row['gmacs']:.1f}", share,
        number(row["x_best_peer"], ".2f"), number(row.get("sqnr_db"), ".1f"),
    ]  # fmt: skip


def text(result):
    machine = result["machine"]
    versions = " ".join(f"{k} {v}" for k, v in machine["versions"].items())
    said = f"{machine['processor']}, {machine['isa']}, processors {machine['cores']}, {machine['date']}, {versions}\n"
    said += "times are processor time\n\n" if machine["clock"] == "cpu" else "\n"
    head = ["network", "engine", "precision", "isa", "threads", "min ms", "median ms", "GMAC/s", "% of peak", "x peer", "SQNR dB"]
    said += table(head, [row_cells(row) for row in result["rows"]], left=4) + "\n"
    for row in result["rows"]:
        if "error" in row:
            said += f"{row['network']}, {row['engine']}, {threads_text(row['threads'])}: no time: {row['error']}\n"
    return said + network_lines(result) + summary_lines(result) + threads_table(result) + disturbances(result)


def network_lines(result):
    said = ""
    for name, facts in result["networks"].items():
        said += f"{name}: {facts['macs'] * 1e-6:.1f} million multiply-adds, {facts['parameters'] * 1e-6:.2f} million weights"
        if facts["convolutions"]:
            fused = facts["onnxruntime_convolutions"]
            said += f"; ONNX Runtime runs {fused['integer']} of {facts['convolutions']} convolutions on integers"
            said += f", {fused['float']} in float" if fused["float"] else ""
        if "onnxruntime_dynamic" in facts:
            counts = [f"{count} {kind}" for kind, count in facts["onnxruntime_dynamic"].items()]
            said += f"; ONNX Runtime's dynamic int8 runs {', '.join(counts)}"
        said += "\n"
    for made in result["compiled"]:
        said += f"{made['network']}: {made['engine']} compiled in {made['seconds']:.1f} s "
        said += f"({made['cpu_seconds']:.1f} s of processor time) and {made['peak_mib']:.0f} MiB, "
        said += f"{made['bytes'] / 1024:.0f} KiB\n"
    return said


def summary_lines(result):
    words = {
        "x_best_peer": "{:.2f}x the best peer ({best_peer})", "x_ort_int8": "{:.2f}x {ort}",
        "x_qcc_fp32": "{:.2f}x qcc-fp32", "x_one_thread": "{:.2f}x one thread",
        "fp32_x_ort_fp32": "qcc-fp32 is {:.2f}x ort-fp32", "bf16_x_peer": "qcc-bf16 is {:.2f}x the best peer in bf16",
    }  # fmt: skip
    said = "\n" if result["summary"] else ""
    for line in result["summary"]:
        parts = [form.format(line[key], ort=OURS[line["engine"]], **line) for key, form in words.items() if line.get(key)]
        said += f"{line['network']}, {threads_text(line['threads'])}: {line['engine']} is {', '.join(parts)}\n"
    for threads in dict.fromkeys(line["threads"] for line in result["summary"]):
        values = [s["x_best_peer"] for s in result["summary"] if s["threads"] == threads and s["x_best_peer"]]
        if len(values) > 1:
            said += f"geometric mean of {len(values)} networks, {threads_text(threads)}: {geometric_mean(values):.2f}x the best peer\n"
    return said


def threads_table(result):
    """What more threads bring each engine, beside its one thread in the same run."""
    rows = good(result["rows"])
    counts = sorted({row["threads"] for row in rows})
    if len(counts) < 2:
        return ""
    times = {(r["network"], r["engine"], r["threads"]): r["min_ms"] for r in rows}
    lines = []
    for network, engine in dict.fromkeys((r["network"], r["engine"]) for r in rows):
        found = [times.get((network, engine, n)) for n in counts]
        gains = [found[0] / t if found[0] and t else None for t in found[1:]]
        lines.append([network, engine, *(number(t, ".3f") for t in found), *(number(g, ".2f") for g in gains)])
    head = ["network", "engine", *(f"{threads_text(n)}, ms" for n in counts), *(f"x with {n}" for n in counts[1:])]
    return "\n" + table(head, lines, left=2)


def disturbances(result):
    """Other programs on the same core: the minimum survives some of it, the median does not."""
    rows = good(result["rows"])
    runs, lost = sum(r["runs"] for r in rows), sum(r["preemptions"] for r in rows)
    if lost <= 0.02 * runs:
        return ""
    return f"\nwarning: the processors were taken away {lost} times in {runs} runs: close other programs and repeat\n"


def layers_text(result):
    said = ""
    for model in result["layers"]:
        total = sum(layer["min_ms"] for layer in model["layers"])
        said += f"\n{model['network']}, {model['engine']}, layer by layer, 1 thread, {model['isa']}: {total:.3f} ms\n"
        lines = []
        for layer in model["layers"]:
            share = 100 * layer["min_ms"] / total if total else 0
            of_peak = number(100 * layer["of_peak"] if layer["of_peak"] else None, ".0f")
            cells = [f"{1e3 * layer['min_ms']:.1f}", f"{share:.1f}", number(layer["gmacs"], ".1f"), of_peak]
            lines.append([layer["kernel"], *cells, layer["name"][-60:]])
        said += table(["kernel", "us", "% of time", "GMAC/s", "% of peak", "layer"], lines, left=1)
    return said
