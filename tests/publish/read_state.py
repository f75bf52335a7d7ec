"""Prints what a state segment says of environments: written from docs/format.md alone.

    python3 read_state.py /dev/shm/aios-1000-0f3a9c71-state

It takes no row, so it copies the newest state, and looks afterwards whether that was current all the while.
"""

import mmap
import struct
import sys

STATUS = ["healthy", "warning", "broken"]
SEVERITY = ["info", "warning", "error"]


def newest(path):
    """The payload of the slot that is current."""
    with open(path, "rb") as file:
        segment = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    magic, version, state, length = struct.unpack_from("<8sIIQ", segment, 0)
    if magic != b"AIOSSTAT" or version != 1 or state != 1 or length > len(segment):
        sys.exit(f"{path} is no state")
    slots, _, stride, capacity = struct.unpack_from("<IIQQ", segment, 64)
    for _ in range(100):
        (current,) = struct.unpack_from("<Q", segment, 128)
        if current == 0:
            sys.exit(f"{path} has nothing yet")
        at = 16384 + (current & 0xFF) * stride
        word, length = struct.unpack_from("<QQ", segment, at)
        if current & 0xFF >= slots or length > capacity:
            sys.exit(f"{path} is damaged")
        payload = segment[at + 64 : at + 64 + length]
        if word == current and struct.unpack_from("<Q", segment, 128)[0] == current:
            return current >> 8, payload
    sys.exit(f"{path} changes too often")


def crc32c(data):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def main(path):
    version, payload = newest(path)
    magic, layout, checksum, length = struct.unpack_from("<8sIIQ", payload, 0)
    if magic != b"AIOSENVS" or layout != 1 or length != len(payload):
        sys.exit("the state is not of environments")
    if crc32c(payload[16:]) != checksum:
        sys.exit("the state is damaged")
    time, snapshot = struct.unpack_from("<QQ", payload, 24)
    arrays = [struct.unpack_from("<III", payload, 40 + 12 * number) for number in range(4)]

    def text(at):
        offset, length = struct.unpack_from("<II", payload, at)
        return payload[offset : offset + length].decode("utf-8", "replace") if offset else "-"

    def entry(array, index):
        start, _, stride = arrays[array]
        return start + index * stride

    def texts(at):
        first, count = struct.unpack_from("<II", payload, at)
        return [text(entry(3, index)) for index in range(first, first + count)]

    counts = struct.unpack_from("<III", payload, 96)
    print("state", version, time, snapshot, *counts, text(112), sep="\t")
    for index in range(arrays[0][1]):
        at = entry(0, index)
        errors, warnings = struct.unpack_from("<II", payload, at + 168)
        owner = struct.unpack_from("<I", payload, at + 20)[0]
        fields = [text(at + field) for field in range(24, 136, 8)]
        lists = [",".join(texts(at + field)) for field in (144, 152, 160)]
        identity = payload[at : at + 16].decode()
        print("environment", identity, STATUS[payload[at + 16]], payload[at + 17], owner,
              *fields, *lists, errors, warnings, sep="\t")
        first, count = struct.unpack_from("<II", payload, at + 136)
        for number in range(first, first + count):
            at = entry(1, number)
            fields = [text(at + field) for field in range(0, 40, 8)]
            lists = [",".join(texts(at + field)) for field in (40, 48)]
            print("finding", SEVERITY[payload[at + 56]], payload[at + 57], *fields, *lists, sep="\t")
    for index in range(arrays[2][1]):
        print("problem", text(entry(2, index)), text(entry(2, index) + 8), sep="\t")


main(sys.argv[1])
