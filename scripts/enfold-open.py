#!/usr/bin/env python3
"""Decrypts one downloaded client-side encrypted object without Enfold.

Needs Python 3.8 or newer; the `cryptography` package makes it fast and is needed for RSA keys. The format is that of the
Amazon S3 Encryption Client, V3 and V2 with AES-GCM, under a master key of one's own (AES or RSA; not KMS). enfold-names.py
tells which object is which file.

    aws s3api head-object --bucket B --key K > head.json
    aws s3api get-object  --bucket B --key K body.bin
    python3 enfold-open.py --key my-key.txt --metadata head.json --out file.txt body.bin

The key is a file: 32 raw bytes, hex or base64, or an RSA private key as unencrypted PEM. Where the object's key stands in an
instruction file, download K.instruction too and name it with --instruction. Nothing is written unless all of it is authentic.
"""
import argparse, base64, binascii, hashlib, hmac, json, os, re, struct, sys, tempfile

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
except ImportError:
    Cipher = None

TAG_BYTES = 16
CHUNK_BYTES = 1 << 20


class Unreadable(Exception):
    """What was given is damaged, does not belong together, or is not what it should be."""


# ---------------------------------------------------------------- AES-GCM (FIPS 197, SP 800-38D) in Python alone

def _sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p = p ^ ((p << 1) & 0xFF) ^ (0x1B if p & 0x80 else 0)
        for shift in (1, 2, 4):
            q = (q ^ (q << shift)) & 0xFF
        if q & 0x80:
            q ^= 0x09
        box[p] = 0x63 ^ q ^ (q << 1 | q >> 7) & 0xFF ^ (q << 2 | q >> 6) & 0xFF ^ (q << 3 | q >> 5) & 0xFF ^ (q << 4 | q >> 4) & 0xFF
        if p == 1:
            return box


SBOX = _sbox()
# One round's SubBytes and MixColumns for the byte of row 0; the other rows are rotations of it.
ROUND = []
for _value in SBOX:
    _double = ((_value << 1) ^ (0x1B if _value & 0x80 else 0)) & 0xFF
    ROUND.append(_double << 24 | _value << 16 | _value << 8 | (_double ^ _value))
ROUNDS = [[t >> 8 * row | (t << 32 - 8 * row) & 0xFFFFFFFF for t in ROUND] for row in range(4)]


class Aes:
    def __init__(self, key):
        count, round_constant = len(key) // 4, 1
        words = list(struct.unpack(">%dI" % count, key))
        for i in range(count, 4 * (count + 7)):
            word = words[-1]
            if i % count == 0:
                word = self.substituted((word << 8 | word >> 24) & 0xFFFFFFFF) ^ round_constant << 24
                round_constant = (round_constant << 1) ^ (0x11B if round_constant & 0x80 else 0)
            elif count == 8 and i % 8 == 4:
                word = self.substituted(word)
            words.append(words[i - count] ^ word)
        self.keys = words

    @staticmethod
    def substituted(word):
        return SBOX[word >> 24] << 24 | SBOX[word >> 16 & 255] << 16 | SBOX[word >> 8 & 255] << 8 | SBOX[word & 255]

    def block(self, a, b, c, d):
        keys, (t0, t1, t2, t3) = self.keys, ROUNDS
        a, b, c, d = a ^ keys[0], b ^ keys[1], c ^ keys[2], d ^ keys[3]
        for i in range(4, len(keys) - 4, 4):
            a, b, c, d = (
                t0[a >> 24] ^ t1[b >> 16 & 255] ^ t2[c >> 8 & 255] ^ t3[d & 255] ^ keys[i],
                t0[b >> 24] ^ t1[c >> 16 & 255] ^ t2[d >> 8 & 255] ^ t3[a & 255] ^ keys[i + 1],
                t0[c >> 24] ^ t1[d >> 16 & 255] ^ t2[a >> 8 & 255] ^ t3[b & 255] ^ keys[i + 2],
                t0[d >> 24] ^ t1[a >> 16 & 255] ^ t2[b >> 8 & 255] ^ t3[c & 255] ^ keys[i + 3],
            )
        rows = ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
        return [(SBOX[p >> 24] << 24 | SBOX[q >> 16 & 255] << 16 | SBOX[r >> 8 & 255] << 8 | SBOX[s & 255]) ^ key for (p, q, r, s), key in zip(rows, keys[-4:])]


class SlowGcm:
    """Decrypts pieces of a multiple of 16 bytes each, but for the last; `finish` checks the tag."""

    def __init__(self, key, iv, associated):
        self.aes, self.iv, self.counter, self.sizes = Aes(key), struct.unpack(">3I", iv), 2, [len(associated), 0]
        h = int.from_bytes(struct.pack(">4I", *self.aes.block(0, 0, 0, 0)), "big")
        powers = []
        for _ in range(128):
            powers.append(h)
            h = h >> 1 ^ (0xE1 << 120 if h & 1 else 0)
        # tables[i][v]: byte v at place i of a block, times the hash key.
        self.tables = []
        for place in range(0, 128, 8):
            table = [0] * 256
            for value in range(1, 256):
                low = value & -value
                table[value] = table[value ^ low] ^ powers[place + 8 - low.bit_length()]
            self.tables.append(table)
        self.state = 0
        self.hash(associated)

    def hash(self, data):
        data += bytes(-len(data) % 16)
        for at in range(0, len(data), 16):
            block = (self.state ^ int.from_bytes(data[at:at + 16], "big")).to_bytes(16, "big")
            state = 0
            for table, value in zip(self.tables, block):
                state ^= table[value]
            self.state = state

    def update(self, data):
        self.hash(data)
        self.sizes[1] += len(data)
        count = (len(data) + 15) // 16
        stream = []
        for counter in range(self.counter, self.counter + count):
            stream += self.aes.block(*self.iv, counter)
        self.counter += count
        mask = int.from_bytes(struct.pack(">%dI" % len(stream), *stream)[:len(data)], "big")
        return (int.from_bytes(data, "big") ^ mask).to_bytes(len(data), "big")

    def finish(self, tag):
        self.hash(struct.pack(">QQ", 8 * self.sizes[0], 8 * self.sizes[1]))
        expected = self.state ^ int.from_bytes(struct.pack(">4I", *self.aes.block(*self.iv, 1)), "big")
        return hmac.compare_digest(expected.to_bytes(16, "big"), tag)


class FastGcm:
    def __init__(self, key, iv, associated):
        self.decryptor = Cipher(algorithms.AES(key), modes.GCM(iv)).decryptor()
        self.decryptor.authenticate_additional_data(associated)

    def update(self, data):
        return self.decryptor.update(data)

    def finish(self, tag):
        try:
            self.decryptor.finalize_with_tag(tag)
            return True
        except InvalidTag:
            return False


def gcm(key, iv, associated):
    return SlowGcm(key, iv, associated) if Cipher is None else FastGcm(key, iv, associated)


# ---------------------------------------------------------------- the envelope

V3_CONTENT = ("x-amz-c", "x-amz-d", "x-amz-i")
V3_KEY = ("x-amz-3", "x-amz-w", "x-amz-m", "x-amz-t")
OLD = ("x-amz-key", "x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len", "x-amz-matdesc")
V2_ALGORITHM = "AES/GCM/NoPadding"
V2_WRAPS = {"AES/GCM": "aes", "RSA-OAEP-SHA1": "rsa", "kms+context": "kms", "kms": "kms"}
V3_WRAPS = {"02": "aes", "22": "rsa", "12": "kms"}


def read_metadata(path):
    """The user metadata in what head-object printed, or a bare JSON object of it, with or without x-amz-meta- in front."""
    with open(path, "rb") as file:
        data = json.load(file)
    found = data.get("Metadata", data) if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise Unreadable("the metadata is not a JSON object")
    metadata = {}
    for name, value in found.items():
        name = name.lower()[len("x-amz-meta-"):] if name.lower().startswith("x-amz-meta-") else name.lower()
        if not isinstance(value, str):
            continue
        if name in metadata:
            raise Unreadable("the metadata holds %s twice" % name)
        if value:
            metadata[name] = value
    return metadata


def decoded(envelope, name, length=None):
    if name not in envelope:
        raise Unreadable("the metadata lacks " + name)
    try:
        data = base64.b64decode(envelope[name], validate=True)
    except ValueError:
        raise Unreadable(name + " is not base64")
    if length is not None and len(data) != length:
        raise Unreadable("%s is %d bytes long, not %d" % (name, len(data), length))
    return data


def has(envelope, names):
    return any(name in envelope for name in names)


def find_envelope(metadata, instruction):
    """The envelope as one map, and whether it is V3. What mixes formats is refused."""
    if instruction is not None:
        if has(instruction, V3_CONTENT):
            raise Unreadable("the instruction file holds what may stand with the object only")
        if has(metadata, V3_KEY + OLD):
            raise Unreadable("the object does not need an instruction file")
        if ("x-amz-3" in instruction) != has(metadata, V3_CONTENT):
            raise Unreadable("the instruction file is not of the object's format")
        metadata = {**metadata, **instruction}
    if has(metadata, V3_CONTENT + V3_KEY):
        if has(metadata, OLD):
            raise Unreadable("the metadata mixes two formats")
        if "x-amz-3" not in metadata and instruction is None:
            raise Unreadable("its key stands in an instruction file: download it too, and give --instruction")
        if metadata.get("x-amz-c") != "115":
            raise Unreadable("the content algorithm is not known")
        return metadata, True
    if "x-amz-key-v2" in metadata and "x-amz-key" not in metadata:
        if metadata.get("x-amz-cek-alg") != V2_ALGORITHM or metadata.get("x-amz-tag-len") != "128":
            raise Unreadable("the content algorithm is not one this script reads")
        return metadata, False
    if "x-amz-key" in metadata:
        raise Unreadable("it is of the first format, which this script does not read")
    raise Unreadable("it was not encrypted by an S3 encryption client, or its key stands in an instruction file (--instruction)")


def read_key(path):
    """16, 24 or 32 bytes, or the text of a PEM."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) in (16, 24, 32):
        return data
    text = data.decode("latin-1").strip()
    if "-----BEGIN" in text:
        return text
    packed = "".join(text.split())
    try:
        raw = bytes.fromhex(packed) if re.fullmatch("[0-9A-Fa-f]+", packed) else base64.b64decode(packed.translate(str.maketrans("-_", "+/")) + "=" * (-len(packed) % 4), validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) not in (16, 24, 32):
        raise Unreadable("the key file holds neither an AES key (raw, hex or base64) nor a PEM")
    return raw


def unwrap(wrapped, wrap, algorithm, key):
    """The data key; `wrap` is one of aes, rsa, kms, or None where the format does not know what is named."""
    wrong = Unreadable("the key does not open the object: it is another key, or the object's wrapped key was altered")
    if wrap is None:
        raise Unreadable("the key wrap is not one this script reads")
    if wrap == "kms":
        raise Unreadable("the object's key is held by KMS, which this script does not ask")
    if wrap == "aes":
        if isinstance(key, str):
            raise Unreadable("the object asks for an AES key, and the key given is an RSA key")
        if len(wrapped) != 60:
            raise wrong
        opened = gcm(key, wrapped[:12], algorithm)
        data_key = opened.update(wrapped[12:44])
        if not opened.finish(wrapped[44:]):
            raise wrong
        return data_key
    if not isinstance(key, str):
        raise Unreadable("the object asks for an RSA key, and the key given is an AES key")
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding
    except ImportError:
        raise Unreadable("an RSA key needs the cryptography package: pip install cryptography")
    private_key = serialization.load_pem_private_key(key.encode("ascii"), None)
    try:
        message = private_key.decrypt(wrapped, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
    except ValueError:
        raise wrong
    if message[:1] != b"\x20" or message[33:] != algorithm:
        raise wrong
    return message[1:33]


def content_cipher(metadata, instruction, key):
    envelope, is_v3 = find_envelope(metadata, instruction)
    if not is_v3:
        data_key = unwrap(decoded(envelope, "x-amz-key-v2"), V2_WRAPS.get(envelope.get("x-amz-wrap-alg")), V2_ALGORITHM.encode("ascii"), key)
        return gcm(data_key, decoded(envelope, "x-amz-iv", 12), b"")
    message_id, commitment = decoded(envelope, "x-amz-i", 28), decoded(envelope, "x-amz-d", 28)
    data_key = unwrap(decoded(envelope, "x-amz-3"), V3_WRAPS.get(envelope.get("x-amz-w")), b"115", key)
    # HKDF with SHA-512 (RFC 5869); both results fit into one block.
    secret = hmac.new(message_id, data_key, hashlib.sha512).digest()
    derive = lambda label, length: hmac.new(secret, b"\x00\x73" + label + b"\x01", hashlib.sha512).digest()[:length]
    if not hmac.compare_digest(derive(b"COMMITKEY", 28), commitment):
        raise Unreadable("the object does not belong to the key stored with it")
    return gcm(derive(b"DERIVEKEY", 32), b"\x01" * 12, b"\x00\x73")


def decrypt(cipher, body, out):
    left = os.fstat(body.fileno()).st_size - TAG_BYTES
    if left < 0:
        raise Unreadable("the body is too short for an encrypted object")
    while left > 0:
        piece = body.read(min(CHUNK_BYTES, left))
        if not piece:
            raise Unreadable("the body ended early")
        left -= len(piece)
        out.write(cipher.update(piece))
    if not cipher.finish(body.read(TAG_BYTES)):
        raise Unreadable("the object was altered, or is not whole")


def main():
    global Cipher
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("body", help="the downloaded object")
    parser.add_argument("--key", required=True, help="file with the master key")
    parser.add_argument("--metadata", required=True, help="file with what head-object printed, or the metadata as JSON")
    parser.add_argument("--instruction", help="file with the downloaded K.instruction, where there is one")
    parser.add_argument("--out", required=True, help="the file to write; one that is there is not replaced")
    parser.add_argument("--slow", action="store_true", help="do without the cryptography package (about 400 KB per second)")
    options = parser.parse_args()
    if options.slow:
        Cipher = None
    scratch = None
    try:
        if os.path.lexists(options.out):
            raise Unreadable("there is already a file " + options.out)
        instruction = None if options.instruction is None else read_metadata(options.instruction)
        cipher = content_cipher(read_metadata(options.metadata), instruction, read_key(options.key))
        # What is not yet verified has no name of its own until it is.
        with open(options.body, "rb") as body, tempfile.NamedTemporaryFile(dir=os.path.dirname(os.path.abspath(options.out)), prefix=".enfold-open-", delete=False) as out:
            scratch = out.name
            decrypt(cipher, body, out)
        os.rename(scratch, options.out)
        scratch = None
    except (Unreadable, OSError, ValueError) as error:
        sys.exit("enfold-open: %s" % error)
    finally:
        if scratch is not None:
            os.unlink(scratch)


if __name__ == "__main__":
    main()
