#!/usr/bin/env python3
"""Redoes by RULES.md alone what a seed draws, and the seed itself: the vectors of "Random numbers" and "Seed"."""
from hashlib import sha256

def stream(seed, label, i=0):  # numbers of 32 bits, without end
    key = sha256(b"cacheon/prng/v1\0" + seed + label.encode()).digest()
    while True:
        block, i = sha256(key + i.to_bytes(8, "big")).digest(), i + 1
        yield from (int.from_bytes(block[at : at + 4], "big") for at in range(0, 32, 4))

def below(u32, n):
    return next(x for x in u32 if x < 2**32 // n * n) % n

def shuffle(u32, items):
    for i in range(len(items) - 1, 0, -1):
        j = below(u32, i + 1)
        items[i], items[j] = items[j], items[i]
    return items

def seed(genesis, netuid, public_key, plan_sha256, drawn):
    return sha256(b"cacheon/seed/v1\0" + genesis + netuid.to_bytes(2, "big") + public_key + plan_sha256 + drawn).hexdigest()

def given_seed(seed, plan_number):
    return sha256(b"cacheon/seed/devnet\0" + seed + plan_number.to_bytes(8, "big")).hexdigest()

if __name__ == "__main__":
    zeros, count, ones = bytes(32), bytes(range(32)), bytes([255] * 32)
    u32 = stream(zeros, "prompts")
    print(b"".join(next(u32).to_bytes(4, "big") for _ in range(10)).hex())
    u32 = stream(count, "prompts")
    print(*(below(u32, 10) for _ in range(16)))
    print(*shuffle(stream(count, "order"), list(range(10))))
    u32 = stream(ones, "")
    print(*shuffle(u32, list(range(100)))[:5])
    print(next(u32))
    print("0x" + seed(bytes([0x11] * 32), 14, bytes([0x22] * 32), bytes([0x33] * 32), bytes([0x44] * 48)))
    print("0x" + given_seed(zeros, 1))
