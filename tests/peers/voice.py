"""The C RNNoise and the measures of speech, for `make bench`; one program, so that numpy is loaded once.

voice.py denoise IN.wav OUT.wav …   through librnnoise of PyPI's pyrnnoise; prints thread CPU microseconds per frame
voice.py score CLEAN.wav OTHER.wav …  prints STOI and PESQ (wide band) of each pair; all files are 16 kHz, 16 bits
"""
import ctypes
import importlib.util
import os
import sys
import time
import wave

import numpy as np


def read(path):
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32)


def write(path, samples):
    with wave.open(path, "w") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes())


def library():
    folder = importlib.util.find_spec("pyrnnoise").submodule_search_locations[0]
    names = [n for n in os.listdir(folder) if n.startswith("librnnoise") or n == "rnnoise.dll"]
    lib = ctypes.CDLL(os.path.join(folder, names[0]))
    pointer = ctypes.POINTER(ctypes.c_float)
    lib.rnnoise_create.restype = ctypes.c_void_p
    lib.rnnoise_create.argtypes = [ctypes.c_void_p]
    lib.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    lib.rnnoise_process_frame.restype = ctypes.c_float
    lib.rnnoise_process_frame.argtypes = [ctypes.c_void_p, pointer, pointer]
    return lib, pointer


def denoise(paths):
    lib, pointer = library()
    times = []
    for source, target in zip(paths[::2], paths[1::2]):
        samples = read(source)
        samples = np.concatenate([samples, np.zeros(-len(samples) % 480 + 960, np.float32)])
        state = lib.rnnoise_create(None)
        for at in range(0, len(samples), 480):
            place = samples[at:].ctypes.data_as(pointer)
            begun = time.thread_time_ns()
            lib.rnnoise_process_frame(state, place, place)
            times.append((time.thread_time_ns() - begun) / 1000)
        lib.rnnoise_destroy(state)
        write(target, samples)
    times.sort()
    last = len(times) - 1
    print("time", np.mean(times), times[last // 2], times[int(last * 0.99)], times[last])


def score(paths):
    from pesq import NoUtterancesError, pesq
    from pystoi import stoi

    for clean, other in zip(paths[::2], paths[1::2]):
        a, b = read(clean) / 32768, read(other) / 32768
        try:
            quality = pesq(16000, a, b, "wb")
        except NoUtterancesError:
            quality = 1.0
        print("score", stoi(a, b, 16000), quality, flush=True)


{"denoise": denoise, "score": score}[sys.argv[1]](sys.argv[2:])
