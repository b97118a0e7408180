#!/usr/bin/env python3
"""Draws pictures from real terminals: runs fac in tmux, takes the screen with its colours, writes SVG.

Usage: make picture      (or: FAC=path/to/fac python3 assets/picture.py FOLDER)

screenshot.svg is a shell with a few lines typed, screen.svg the full screen.
"""
import html, os, re, subprocess, sys, tempfile, time, unicodedata

SHELL = (104, 33)
FULL = (116, 34)
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
# What is pressed on the full screen, and what has to be seen before the next key.
KEYS = [(["M-2"], "bundled"), (["/"], ""), (["-l", "git st"], "git standup"), (["Enter"], "Steps")]
TEXT, GROUND = "#d8dade", "#16181d"
NAMED = ["#3a3d45", "#cc4f4f", "#5f9f5f", "#c9a24b", "#5b87c5", "#a678b5", "#4fa3a5", "#d0d0d0"]
WIDE, HIGH, EDGE = 8.4, 18, 16


class Tmux:
    """A terminal of its own, gone at the end."""

    def __init__(self, world, fac, size, words, more):
        env = {"HOME": world, "FAC_HOME": world + "/fac", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PS1": "$ ",
               "HISTFILE": "", "PATH": os.path.dirname(os.path.abspath(fac)) + ":/usr/local/bin:/usr/bin:/bin", **more}
        self.base = ["tmux", "-L", "fac-picture", "-f", "/dev/null"]
        start = ["env", "-i"] + [f"{k}={v}" for k, v in env.items()] + words
        self("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), "-c", world, *start)

    def __call__(self, *words):
        return subprocess.run(self.base + list(words), check=True, capture_output=True, text=True).stdout

    def wait_for(self, text):
        """Until the text stands on the screen, ten seconds at most."""
        for _ in range(200):
            if text in self("capture-pane", "-p"):
                return
            time.sleep(0.05)
        raise SystemExit(f"waited for {text!r}; the screen shows:\n" + self("capture-pane", "-p"))

    def settle(self):
        """Until the screen stands still."""
        before = None
        while (now := self("capture-pane", "-p")) != before:
            before = now
            time.sleep(0.3)

    def end(self):
        subprocess.run(self.base + ["kill-server"], check=False, stderr=subprocess.DEVNULL)


def world_with_demo(world):
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run(["cp", "-r", os.path.join(here, "demo", "tasks"), os.path.join(world, "demo")], check=True)


def shell(fac):
    """The last screen after all lines were typed, as text with SGR sequences."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as world:
        world_with_demo(world)
        tmux = Tmux(world, fac, SHELL, ["bash", "--norc", "--noprofile"], {})
        try:
            for number, line in enumerate(LINES):
                tmux("send-keys", "-l", f"{line}; printf done > {world}/done{number}")
                # What is typed is tidied on the picture; the mark tells that the line is through.
                tmux("send-keys", "Enter")
                for _ in range(200):
                    if os.path.exists(f"{world}/done{number}"):
                        break
                    time.sleep(0.05)
            text = tmux("capture-pane", "-e", "-p", "-S", "-200")
            return re.sub(r"; printf done > \S+", "", text)
        finally:
            tmux.end()


def full(fac):
    """The full screen with something to look at."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as world:
        world_with_demo(world)
        env = {**os.environ, "HOME": world, "FAC_HOME": world + "/fac"}
        for words in (["source", "add", world + "/demo", "-q"], ["source", "trust", "demo", "--yes", "-q"], ["greet", "Ada"]):
            subprocess.run([fac, *words], env=env, cwd=world, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tmux = Tmux(world, fac, FULL, [os.path.abspath(fac), "tui"], {"COLORTERM": "truecolor"})
        try:
            tmux.wait_for("F1 help")
            for keys, seen in KEYS:
                tmux("send-keys", *keys)
                tmux.wait_for(seen)
                tmux.settle()
            return tmux("capture-pane", "-e", "-p")
        finally:
            tmux.end()


def hexed(number):
    """A colour of the 256."""
    if number < 16:
        return NAMED[number % 8]
    if number >= 232:
        level = 8 + 10 * (number - 232)
        return f"#{level:02x}{level:02x}{level:02x}"
    steps, number = [0, 95, 135, 175, 215, 255], number - 16
    return "#" + "".join(f"{steps[n]:02x}" for n in (number // 36, number // 6 % 6, number % 6))


class Pen:
    """How characters are written, as SGR sequences say."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.ink, self.ground, self.bold, self.dim, self.slant, self.line, self.turned = None, None, False, False, False, False, False

    def take(self, codes):
        codes = [int(c or 0) for c in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in (1, 2, 3, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 3: "slant", 4: "line", 7: "turned"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code in (23, 24, 27):
                setattr(self, {23: "slant", 24: "line", 27: "turned"}[code], False)
            elif code in (38, 48):
                kind = codes.pop(0)
                value = hexed(codes.pop(0)) if kind == 5 else "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "ink" if code == 38 else "ground", value)
            elif code in (39, 49):
                setattr(self, "ink" if code == 39 else "ground", None)
            elif 30 <= code < 38 or 90 <= code < 98:
                self.ink = NAMED[code % 10]
            elif 40 <= code < 48 or 100 <= code < 108:
                self.ground = NAMED[code % 10]

    def colours(self):
        ink, ground = self.ink or TEXT, self.ground
        return (ground or GROUND, ink) if self.turned else (ink, ground)


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def svg(text, size, label):
    """Monospaced lines as SVG text; each piece is as wide as its columns."""
    lines = text.rstrip("\n").split("\n")
    while lines and re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]).strip() in ("", "$"):
        lines.pop()
    width, height = size[0] * WIDE + 2 * EDGE, len(lines) * HIGH + 52
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
           f'viewBox="0 0 {width:.0f} {height}" role="img" aria-label="{html.escape(label)}">',
           f'<rect width="{width:.0f}" height="{height}" rx="8" fill="{GROUND}"/>']
    out += [f'<circle cx="{20 + 18 * n}" cy="18" r="5.5" fill="{NAMED[c]}"/>' for n, c in enumerate([1, 3, 2])]
    out.append('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14">')
    pen = Pen()
    for number, line in enumerate(lines):
        column, y = 0, 34 + number * HIGH
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            sgr = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
            if sgr:
                pen.take(sgr[1])
                continue
            wide = columns(part)
            if not wide:
                continue
            ink, ground = pen.colours()
            x = EDGE + column * WIDE
            if ground:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{wide * WIDE + 0.3:.1f}" height="{HIGH}" fill="{ground}"/>')
            if part.strip():
                style = ' font-weight="700"' * pen.bold + ' font-style="italic"' * pen.slant + ' fill-opacity="0.6"' * pen.dim
                style += ' text-decoration="underline"' * pen.line
                # Each stretch without more than one space by itself: other spaces would be left out by some, and what
                # stands around them be drawn out over their place.
                for words in re.finditer(r"\S+(?: \S+)*", part):
                    at = x + columns(part[:words.start()]) * WIDE
                    out.append(f'<text x="{at:.1f}" y="{y + 14}" fill="{ink}" '
                               f'textLength="{columns(words[0]) * WIDE:.1f}" '
                               f'lengthAdjust="spacingAndGlyphs"{style}>{html.escape(words[0])}</text>')
            column += wide
    return "\n".join(out + ["</g>", "</svg>", ""])


if __name__ == "__main__":
    program = os.environ.get("FAC", "fac")
    pictures = [("screenshot.svg", svg(shell(program), SHELL, "fac in a shell")),
                ("screen.svg", svg(full(program), FULL, "fac on the full screen"))]
    for name, picture in pictures:
        with open(os.path.join(sys.argv[1], name), "w", encoding="utf-8") as file:
            file.write(picture)
