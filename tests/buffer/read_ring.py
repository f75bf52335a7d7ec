"""Reads a context buffer of aios with nothing but the standard library, as docs/format.md describes it.

    python3 read_ring.py /dev/shm/aios-1000-0f3a9c71-ring

Prints one line for each record, those of all writers in the order of time. A file that is no buffer ends
the program with an error.
"""

import mmap
import struct
import sys

FIRST, LAST = 1, 2
STATUS = ["-", "healthy", "warning", "broken"]
WHAT = [None, "appeared", "changed", "gone", "repaired", "snapshot-taken", "problem"]


def shape(data):
    magic, version, state, length = struct.unpack_from("<8sIIQ", data, 0)
    if magic != b"AIOSRING" or version != 1 or state != 1:
        sys.exit("no buffer of version 1 that is in use")
    chunk_bytes, chunk_count, rows, start = struct.unpack_from("<IIQQ", data, 64)
    if length > len(data) or start + chunk_bytes * chunk_count != length or rows != 64:
        sys.exit("its sizes cannot be")
    return chunk_bytes, chunk_count, start


def chunks(data):
    """Writer, number, and a copy of what is committed of each chunk that holds something."""
    chunk_bytes, chunk_count, start = shape(data)
    (head,) = struct.unpack_from("<Q", data, 128)
    for slot in range(chunk_count):
        (word,) = struct.unpack_from("<Q", data, 8192 + 8 * slot)
        lap, owner = word >> 32, word >> 1 & 0x7FFFFFFF
        number = (lap - 1) * chunk_count + slot
        if lap == 0 or number >= head:
            continue
        at = start + slot * chunk_bytes
        committed, committed_lap = struct.unpack_from("<II", data, at)
        if committed_lap != lap or not 64 <= committed <= chunk_bytes:
            continue
        copy = bytes(data[at + 64 : at + committed])
        # It may have been overwritten while it was copied.
        if struct.unpack_from("<I", data, at + 4)[0] == lap:
            yield (owner & 63, owner >> 6), number, copy


def pieces(data):
    """Writer and record header, and the bytes, in the order of each writer's chunks."""
    for writer, _, copy in sorted(chunks(data), key=lambda chunk: chunk[:2]):
        at = 0
        while at < len(copy):
            length, kind, flags, tag, time, sequence = struct.unpack_from("<IBBHQQ", copy, at)
            payload = copy[at + 24 : at + 24 + length]
            if len(payload) < length:
                break
            yield writer, kind, flags, tag, time, sequence, payload
            at += 24 + (length + 7) // 8 * 8


def records(data):
    joined, whole = b"", None
    for writer, kind, flags, tag, time, sequence, payload in pieces(data):
        if flags != FIRST | LAST:
            at, length = struct.unpack_from("<II", payload)
            if flags & FIRST:
                joined, whole = b"", (writer, sequence)
            if whole != (writer, sequence) or at != len(joined):
                whole = None
                continue
            joined += payload[8:]
            if not flags & LAST or len(joined) != length:
                continue
            payload = joined
        yield time, writer, sequence, kind, tag, payload


def event(payload):
    version, what, before, after, id_bytes, codes = struct.unpack_from("<6B", payload)
    if version != 1:
        return "of another version"
    path_bytes, text_bytes = struct.unpack_from("<II", payload, 8)
    at = 24
    parts = []
    for length in (id_bytes, path_bytes, text_bytes):
        parts.append(payload[at : at + length].decode(errors="replace"))
        at += length
    names = []
    for _ in range(codes):
        names.append(payload[at + 1 : at + 1 + payload[at]].decode())
        at += 1 + payload[at]
    environment, path, text = parts
    states = f"{STATUS[before]} {STATUS[after]}"
    return f"event {WHAT[what]} [{environment}] {path} {states} [{','.join(names)}] {text}"


def shown(kind, tag, payload):
    if kind == 1:
        return event(payload)
    if kind == 2:
        *values, flag = struct.unpack("<7d?7x", payload)
        return "metrics " + " ".join(f"{value:g}" for value in values) + f" {int(flag)}"
    return f"opaque {tag} {payload.hex()}"


def main():
    with open(sys.argv[1], "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    for time, (row, epoch), sequence, kind, tag, payload in sorted(records(data)):
        print(f"{time} {row}.{epoch} {sequence} {shown(kind, tag, payload)}")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    main()
