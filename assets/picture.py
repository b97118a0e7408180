#!/usr/bin/env python3
"""Draws assets/screenshot.svg from a real terminal: runs fac in tmux, takes the screen with its colours, writes SVG.

Usage: make picture      (or: FAC=path/to/fac python3 assets/picture.py assets/screenshot.svg)
"""
import html, os, re, subprocess, sys, tempfile, time

COLUMNS, ROWS = 104, 33
LINES = [
    "fac commands ls disk",
    "fac calc '3 km + 200 m in mi'",
    "fac source add ./demo -q",
    "fac greet Ada --no-input",
    "fac source trust demo --yes -q | tail -2",
    "fac greet \"x'; touch PWNED; #\"",
    "fac shout write-a-text-in-capital-letters 'tea & $(cake)' -y",
    "fac search hello",
    "fac runs ls",
]
PALETTE = {"1": "#cc4f4f", "2": "#5f9f5f", "3": "#c9a24b", "4": "#5b87c5", "5": "#a678b5", "6": "#4fa3a5", "7": "#d0d0d0"}


def screen(fac):
    """The last screen after all lines were typed, as text with SGR sequences."""
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as world:
        subprocess.run(["cp", "-r", os.path.join(here, "demo"), world], check=True)
        env = {"HOME": world, "FAC_HOME": world + "/fac", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PS1": "$ ", "HISTFILE": "",
               "PATH": os.path.dirname(os.path.abspath(fac)) + ":/usr/local/bin:/usr/bin:/bin"}
        tmux = ["tmux", "-L", "fac-picture", "-f", "/dev/null"]
        words = ["env", "-i"] + [f"{k}={v}" for k, v in env.items()] + ["bash", "--norc", "--noprofile"]
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        subprocess.run(tmux + ["new-session", "-d", *size, "-c", world, *words], check=True)
        try:
            for number, line in enumerate(LINES):
                subprocess.run(tmux + ["send-keys", "-l", f"{line}; printf done > {world}/done{number}"], check=True)
                # What is typed is tidied on the picture; the mark tells that the line is through.
                subprocess.run(tmux + ["send-keys", "Enter"], check=True)
                for _ in range(200):
                    if os.path.exists(f"{world}/done{number}"):
                        break
                    time.sleep(0.05)
            text = subprocess.run(tmux + ["capture-pane", "-e", "-p", "-S", "-200"], check=True, capture_output=True, text=True)
            return re.sub(r"; printf done > \S+", "", text.stdout)
        finally:
            subprocess.run(tmux + ["kill-server"], check=False)


def svg(text):
    """Monospaced lines as SVG text, colours as spans."""
    lines = text.rstrip("\n").split("\n")
    while lines and re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]).strip() in ("", "$"):
        lines.pop()
    width, height = COLUMNS * 8.4 + 32, len(lines) * 18 + 52
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
           f'viewBox="0 0 {width:.0f} {height}" role="img" aria-label="fac in a terminal">',
           f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#16181d"/>']
    out += [f'<circle cx="{20 + 18 * n}" cy="18" r="5.5" fill="{c}"/>' for n, c in enumerate(["#cc4f4f", "#c9a24b", "#5f9f5f"])]
    out.append('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" xml:space="preserve">')
    colour, dim, bold = "#d8dade", False, False
    for number, line in enumerate(lines):
        spans, column = [], 0
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            sgr = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
            if sgr:
                for code in (sgr[1] or "0").split(";"):
                    if code in ("", "0"):
                        colour, dim, bold = "#d8dade", False, False
                    elif code == "1":
                        bold = True
                    elif code == "2":
                        dim = True
                    elif code == "39":
                        colour = "#d8dade"
                    elif code == "22":
                        dim = bold = False
                    elif len(code) == 2 and code[0] in "39" and code[1] in PALETTE:
                        colour = PALETTE[code[1]]
            elif part:
                weight = ' font-weight="700"' if bold else ""
                opacity = ' fill-opacity="0.6"' if dim else ""
                spans.append(f'<tspan x="{16 + column * 8.4:.1f}" fill="{colour}"{weight}{opacity}>{html.escape(part)}</tspan>')
                column += len(part)
        out.append(f'<text y="{52 + number * 18}">{"".join(spans)}</text>')
    return "\n".join(out + ["</g>", "</svg>", ""])


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(svg(screen(os.environ.get("FAC", "fac"))))
