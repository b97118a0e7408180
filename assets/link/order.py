#!/usr/bin/env python3
"""Writes assets/link/order.ld: which functions lie side by side at the start of the program's code.

The kernel maps code around whatever is touched, 64 KiB at a time. The functions that a start and a question to a model
run through are a tenth of the program; scattered over all of it they take 13 MiB of memory, side by side 3.

    assets/link/order.py [FAC MAP]        needs valgrind; without a FAC with symbols and the linker's MAP of it both are built

It runs the program under callgrind at what people wait for, looks up in the map which functions were entered, and
writes them down by crate and name. Hashes are left out where that is precise enough, so that the file outlives changes
of the code, the dependencies and the compiler: a name that is no more is passed over, a function that is new lies
elsewhere and costs a little. It is worth running again when `make bench` shows the memory of `fac ask` grown.
"""

import bisect, collections, os, re, socket, subprocess, sys, tempfile, threading

HERE = os.path.dirname(os.path.abspath(__file__))
# Of a name that stands for many functions at least this share must have been entered; the others follow behind.
DENSE = 0.34
# Modules whose functions follow behind those, entered or not: one that is new is then likely to lie near.
NEAR = ["store", "chat", "providers", "kernel", "app"]
SECTION = re.compile(r"\s*([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+\s+(\S+):\((\.text\S*)\)$")


def build(folder):
    """The program with its symbols, and the map of where everything lies in it."""
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    mapped = os.path.join(folder, "map")
    options = ["-C", "strip=none", "-C", "link-arg=-Wl,-Map=" + mapped]
    words = ["cargo", "rustc", "--release", "--locked", "--bin", "fac", "--"]
    subprocess.run(words + options, check=True, cwd=os.path.join(HERE, ".."))
    return os.path.join(target, "release", "fac"), mapped


def home_of(path):
    """The pattern for the object files of a section's crate."""
    member = re.search(r"/([^/]*)-[0-9a-f]{16}\.rlib\((?:[0-9a-f]+-)?([^)]*)\)$", path)
    if member:
        return f"*{member.group(1)}-*.rlib:*" + ("" if member.group(2).endswith("rcgu.o") else member.group(2))
    crate = re.match(r"fac-[0-9a-f]{16}\.(\w+)-[0-9a-f]{16}\.", path.split("/")[-1])
    return f"*.{crate.group(1)}-*" if crate else "*"


def name_of(section):
    """The section without the hashes in it."""
    name = re.sub(r"\.llvm\.\d+$", "", section)
    name = re.sub(r"17h[0-9a-f]{16}E$", "17h*", name)
    name = re.sub(r"Cs[0-9A-Za-z]{9,12}_", "Cs*_", name)
    return name if name.endswith("*") else name + "*"


def sections(mapped):
    """Address, size, key and exact name of each function, by address."""
    found = []
    for line in open(mapped):
        match = SECTION.match(line) if ":(.text" in line else None
        home = match and home_of(match.group(3))
        if home and match.group(4).startswith(".text."):
            name = match.group(4)
            found.append((int(match.group(1), 16), int(match.group(2), 16), (home, name_of(name)),
                          (home, re.sub(r"(\.llvm\.\d+)?$", "*", name, count=1))))
    return sorted(found)


def entered(profile, program, all_sections):
    """Which of them a profile of callgrind has instructions of."""
    starts = [section[0] for section in all_sections]
    names, here, address, skip, used = {}, None, 0, False, set()
    for line in open(profile, errors="replace"):
        named = re.match(r"(c?)ob=\((\d+)\)\s*(.*)", line)
        if named:
            if named.group(3):
                names[named.group(2)] = named.group(3)
            here = here if named.group(1) else named.group(2)
        elif line.startswith("calls="):
            skip = True
        elif line[0] in "0123456789+-*":
            word = line.split()[0]
            if word[0] == "+":
                address += int(word[1:], 0)
            elif word[0] == "-":
                address -= int(word[1:], 0)
            elif word != "*":
                address = int(word, 0)
            if not skip and os.path.realpath(names.get(here, "")) == os.path.realpath(program):
                at = bisect.bisect_right(starts, address) - 1
                if at >= 0 and address < starts[at] + all_sections[at][1]:
                    used.add(at)
            skip = False
    return used


def serve(listener):
    """A model server: OpenAI's chat completions, forty words, each chunk alone."""
    def answer(stream):
        reader = stream.makefile("rb")
        while True:
            length, first = 0, None
            while len(line := reader.readline()) > 2:
                first = first or line
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not first:
                return
            reader.read(length)
            stream.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            head = '{"id":"c","object":"chat.completion.chunk","model":"test","choices":[{"index":0,'
            chunks = [head + '"delta":{"content":"%s"},"finish_reason":null}]}' % word for word in ["word ", "word\\n"] * 20]
            usage = '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}'
            chunks += [head + '"delta":{},"finish_reason":"stop"}],' + usage + "}", "[DONE]"]
            for chunk in chunks:
                text = f"data: {chunk}\n\n".encode()
                stream.sendall(b"%x\r\n%s\r\n" % (len(text), text))
            stream.sendall(b"0\r\n\r\n")
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def take(listener):
    """A broker of MQTT 5 that lets everybody in and says of each message that it has it."""
    def answer(stream):
        reader = stream.makefile("rb")
        while head := reader.read(1):
            length, shift = 0, 0
            while True:
                byte = reader.read(1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            packet = reader.read(length)
            if head[0] >> 4 == 1:
                stream.sendall(b"\x20\x07\0\0\x04\x12\0\x01c")
            elif head[0] >> 4 == 3:
                topic = int.from_bytes(packet[:2], "big")
                stream.sendall(b"\x40\x02" + packet[2 + topic:4 + topic])
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def profiles(program, folder):
    """What people wait for, the commonest first: the profile of each."""
    listener, broker = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    threading.Thread(target=take, args=(broker,), daemon=True).start()
    home, commands = os.path.join(folder, "home"), os.path.join(folder, "one")
    os.makedirs(os.path.join(home, "config"))
    os.makedirs(commands)
    with open(os.path.join(home, "config", "config.toml"), "w") as config:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/"
        config.write(f'local_models = false\n[providers.s]\nurl = "{url}"\nmodels = ["test"]\n')
        config.write(f'[broker.b]\nurl = "mqtt://127.0.0.1:{broker.getsockname()[1]}"\n')
    with open(os.path.join(commands, "maskfile.md"), "w") as maskfile:
        maskfile.write("# One\n\n## hi\n\n> Say hi\n\n```sh\necho hi\n```\n")
    env = {"PATH": os.environ["PATH"], "HOME": folder, "FAC_HOME": home, "LC_ALL": "C.UTF-8"}
    ask = ["ask", "-m", "s/test", "hello"]
    for words in [["source", "add", commands], ["source", "trust", "one", "--yes"], ["run", "hi"], ask]:
        subprocess.run([program] + words, check=True, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    often = [["--version"], ["mqtt", "pub", "--qos", "1", "home/lamp", "on"]] + [ask] * 8
    often += [["__complete", "--", "h"], ["run", "hi"], ["tick"]]
    for number, words in enumerate(often):
        out = os.path.join(folder, f"profile.{number}")
        callgrind = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--callgrind-out-file=" + out]
        subprocess.run(callgrind + [program] + words, check=True, env=env, stdin=subprocess.DEVNULL, capture_output=True)
        yield words[0], out


def script(groups):
    """The linker's script: one description a crate and group; what stands for too many a description of its own."""
    out = ["/* Written by assets/link/order.py. */", "SECTIONS", "{", "  .text :", "  {"]
    for title, keys, apart in groups:
        out.append(f"    /* {title} */")
        homes = collections.OrderedDict()
        for number, (home, name) in enumerate(keys):
            homes.setdefault((home, number if apart else 0), []).append(name)
        for (home, _), names in homes.items():
            out.append(f"    {home}(")
            out.extend("      " + name for name in names)
            out.append("    )")
    return "\n".join(out + ["    *(.text .text.*)", "  }", "}", "INSERT AFTER .eh_frame;", ""])


def main():
    with tempfile.TemporaryDirectory() as folder:
        program, mapped = sys.argv[1:3] if len(sys.argv) > 2 else build(folder)
        all_sections = sections(mapped)
        uses = collections.OrderedDict()
        for title, profile in profiles(program, folder):
            uses.setdefault(title, set()).update(entered(profile, program, all_sections))
        size, of_used = collections.Counter(), collections.Counter()
        for at, (_, bytes, key, _) in enumerate(all_sections):
            size[key] += bytes
            of_used[key] += bytes if any(at in used for used in uses.values()) else 0
        dense = lambda key: of_used[key] >= DENSE * size[key]
        groups, exact, sparse, done = [], {}, {}, set()
        for title, used in uses.items():
            new = [all_sections[at] for at in sorted(used - done)]
            done |= used
            groups.append((title, dict.fromkeys(key for _, _, key, _ in new if dense(key)), False))
            exact.update((name, bytes) for _, bytes, key, name in new if not dense(key))
            sparse.update(dict.fromkeys(key for _, _, key, _ in new if not dense(key)))
        size.update(exact)
        sparse = sorted(sparse, key=lambda key: size[key])
        groups.append(("of names that stand for many; these hold until something changes, then those below do", exact, False))
        near = [("*.factotum-*", f".text._ZN8factotum{len(module)}{module}*") for module in NEAR]
        groups += [("names that stand for many, of which few are entered", sparse, True), ("near", near, False)]
        with open(os.path.join(HERE, "order.ld"), "w") as file:
            file.write(script(groups))
        for title, keys, _ in groups:
            print(f"{title}: {len(keys)} names, {sum(size[key] for key in keys) >> 10} KiB")
        print("what is built from now on has this order")


main()
