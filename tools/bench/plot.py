"""The result as a picture: for each network and number of threads a panel of bars."""

from html import escape

import report

BAR, GAP, LABEL, WIDTH, MARGIN = 18, 5, 150, 760, 20
COLOURS = {"qcc": "#2563eb", "ort": "#9ca3af", "openvino": "#6b7280"}


def colour(engine):
    return next((c for prefix, c in COLOURS.items() if engine.startswith(prefix)), "#000000")


def text(x, y, words, **style):
    attributes = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in style.items())
    return f'<text x="{x}" y="{y}"{attributes}>{escape(words)}</text>\n'


def panel(title, rows, top):
    """The fastest row first; a bar's length is its time. Gives the drawing and its height."""
    drawn = text(MARGIN, top + 16, title, font_weight="bold")
    y, longest = top + 26, max(row["min_ms"] for row in rows)
    room = WIDTH - 2 * MARGIN - LABEL - 130
    for row in sorted(rows, key=lambda r: r["min_ms"]):
        length = max(1, room * row["min_ms"] / longest)
        x = MARGIN + LABEL
        drawn += text(x - 6, y + BAR - 5, row["engine"], text_anchor="end")
        drawn += f'<rect x="{x}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour(row["engine"])}"/>\n'
        drawn += text(f"{x + length + 6:.1f}", y + BAR - 5, f"{row['min_ms']:.2f} ms  {row['precision']}")
        y += BAR + GAP
    return drawn, y - top + 10


def svg(result):
    panels, rows = {}, [row for row in result["rows"] if "error" not in row]
    for row in rows:
        panels.setdefault((row["network"], row["threads"]), []).append(row)
    body, y = text(MARGIN, 24, f"Least time of one inference on {result['machine']['processor']}"), 36
    for (network, threads), members in panels.items():
        drawn, height = panel(f"{network}, {report.threads_text(threads)}", members, y)
        body, y = body + drawn, y + height
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="13">\n'
    return head + f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n' + body + "</svg>\n"
