"""Reads a store of aios with nothing but the standard library, as docs/format.md describes it.

    python3 read_store.py FILE

Prints one line for each value: its path (keys in hexadecimal, with `/` between), tag, severity, weight,
and its bytes in hexadecimal. A file that is damaged where it is read ends the program with an error.
"""

import struct
import sys

SUPERBLOCK = 512
PAGE = 4096
DATA_START = 2 * PAGE
MOST_TAIL = 64 << 10


def crc32c_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


TABLE = list(crc32c_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def superblock(data, start):
    """Sequence, root record; None for one that does not count."""
    page = data[start : start + SUPERBLOCK]
    if len(page) < SUPERBLOCK or page[:8] != b"AIOSCTX\n":
        return None
    if crc32c(page[:-4]) != struct.unpack("<I", page[-4:])[0]:
        return None
    endian, version, hash_id, size = struct.unpack("<4I", page[8:24])
    if endian != 0x0A0B0C0D or (version > 1):
        sys.exit("another byte order, or a later version")
    if (version, hash_id, size) != (1, 1, SUPERBLOCK):
        return None
    sequence, committed, tail, tail_sum = struct.unpack("<3QI", page[40:68])
    if not DATA_START <= tail <= committed <= len(data) or committed % 64 or tail % 64:
        return None
    if committed - tail > MOST_TAIL or crc32c(data[tail:committed]) != tail_sum:
        return None
    return sequence, committed, page[72:200]


def block(data, end, address, expected):
    """Content and links of the block whose hash is expected."""
    if address % 64 or not DATA_START <= address <= end - 64:
        sys.exit(f"no block can be at {address}")
    fixed = struct.unpack_from("<3I2H", data, address)
    checksum, length, content_bytes, count, hint_bytes = fixed
    links_at = (32 + hint_bytes + 7) // 8 * 8
    content_at = links_at + 8 * count
    if length % 64 or content_at + content_bytes > length or address + length > end:
        sys.exit(f"the lengths of the block at {address} cannot be")
    whole = data[address : address + length]
    if crc32c(whole[4:]) != checksum or whole[16:32] != expected[:16]:
        sys.exit(f"the block at {address} is damaged, or another one")
    links = struct.unpack_from(f"<{count}Q", whole, links_at)
    if any(link >= address for link in links):
        sys.exit(f"the block at {address} does not lead down")
    return whole[content_at : content_at + content_bytes], links


def walk(data, end, address, expected, path):
    content, links = block(data, end, address, expected)
    kind, _level, count, prefix_bytes, _zero = struct.unpack_from("<BBHHH", content)
    if kind != 1:
        sys.exit(f"the block at {address} is no node")
    starts = struct.unpack_from(f"<{count}H", content, 8)
    prefix = content[8 + 2 * count :][:prefix_bytes]
    for number, start in enumerate(starts):
        fixed = struct.unpack_from("<HHBBHQ", content, start)
        suffix_bytes, tag, entry, severity, payload_bytes, weight = fixed
        rest = content[start + 16 :]
        key = prefix + rest[:suffix_bytes]
        payload = rest[suffix_bytes : suffix_bytes + payload_bytes]
        if entry == 3:
            walk(data, end, links[number], payload, path)
            continue
        if entry == 1:
            walk(data, end, links[number], payload, path + [key])
            continue
        if entry == 2:
            payload = block(data, end, links[number], payload)[0][8:]
        name = "/".join(part.hex() for part in path + [key])
        print(name, tag, severity, weight, payload.hex())


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    found = [superblock(data, 0), superblock(data, PAGE)]
    found = [each for each in found if each]
    if not found:
        sys.exit("neither superblock is whole")
    _, end, root = max(found)
    address = struct.unpack_from("<Q", root, 32)[0]
    if address:
        walk(data, end, address, root[:32], [])


main()
