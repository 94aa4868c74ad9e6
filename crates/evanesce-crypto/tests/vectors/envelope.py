"""Recomputes the envelope's vector in docs/formats.md with the Python standard library alone.

usage: envelope.py PATH/TO/docs/formats.md
"""
import hashlib
import hmac
import re
import sys


def vector(page):
    block = page.split("## Envelope")[1].split("### Vector")[1].split("```")[1]
    fields, name = {}, ""
    for line in block.splitlines()[1:]:
        left, equals, value = line.rpartition("=")
        name = left.strip() or name
        if re.fullmatch(r"[0-9a-f]*", value.strip()):
            fields[name] = fields.get(name, "") + value.strip()
    return {name: bytes.fromhex(digits) for name, digits in fields.items()}


def hkdf(secret, salt, info, length):  # RFC 5869
    key, out, last = hmac.digest(salt, secret, "sha256"), b"", b""
    while len(out) < length:
        last = hmac.digest(key, last + info + bytes([len(out) // 32 + 1]), "sha256")
        out += last
    return out[:length]


def double(a):
    return (a << 1) ^ (0x11B if a & 0x80 else 0)


def product(a, b):
    out = 0
    for bit in range(8):
        if a >> bit & 1:
            out ^= b
        b = double(b)
    return out


def s_box():  # FIPS 197, section 5.1.1
    for byte in range(256):
        inverse = next((other for other in range(256) if product(byte, other) == 1), 0)
        turned = [(inverse << n | inverse >> (8 - n)) & 255 for n in range(5)]
        yield turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63


S = list(s_box())


def encrypt(key, block):  # FIPS 197, section 5.1, with a key of 32 bytes
    words, constant = [key[at:at + 4] for at in range(0, 32, 4)], 1
    for at in range(8, 60):
        last = words[-1]
        if at % 8 == 0:
            last = bytes([S[last[1]] ^ constant, S[last[2]], S[last[3]], S[last[0]]])
            constant = double(constant)
        elif at % 4 == 0:
            last = bytes(S[byte] for byte in last)
        words.append(bytes(a ^ b for a, b in zip(words[at - 8], last)))
    keys = [b"".join(words[at:at + 4]) for at in range(0, 60, 4)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [S[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]
        if number < 14:
            columns = [state[at:at + 4] for at in range(0, 16, 4)]
            state = [
                double(c[n]) ^ double(c[(n + 1) % 4]) ^ c[(n + 1) % 4] ^ c[(n + 2) % 4] ^ c[(n + 3) % 4]
                for c in columns for n in range(4)
            ]
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def gcm(key, nonce, associated, plain):  # SP 800-38D
    def counter(number):
        return encrypt(key, nonce + number.to_bytes(4, "big"))

    def times(a, b):
        out = 0
        for bit in range(127, -1, -1):
            if a >> bit & 1:
                out ^= b
            b = b >> 1 ^ (0xE1 << 120 if b & 1 else 0)
        return out

    stream = b"".join(counter(n) for n in range(2, 3 + len(plain) // 16))
    sealed = bytes(a ^ b for a, b in zip(plain, stream))
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(sealed)).to_bytes(8, "big")
    point, total = int.from_bytes(encrypt(key, bytes(16)), "big"), 0
    for part in (associated, sealed, lengths):
        for at in range(0, len(part), 16):
            total = times(total ^ int.from_bytes(part[at:at + 16].ljust(16, b"\0"), "big"), point)
    return sealed + (total ^ int.from_bytes(counter(1), "big")).to_bytes(16, "big")


with open(sys.argv[1], encoding="utf-8") as file:
    v = vector(file.read())
derived = hkdf(v["key"], v["salt"], b"evanesce envelope v1", 76)
assert derived == v["derived"], "derived"
plain = (8).to_bytes(4, "big") + b"evanesce".ljust(64, b"\0")
body = gcm(derived[:32], derived[32:44], v["associated"], plain)
assert b"\1" + v["salt"] + derived[44:] + body == v["envelope"], "envelope"
print("envelope: as computed")
