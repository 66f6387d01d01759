#!/usr/bin/env python3
"""Reads the encrypted names of an Enfold folder without Enfold.

Needs Python 3.8 or newer and nothing else. The contents of the objects are read by any Amazon S3 Encryption Client that
has the key; this script tells which object is which file. The formats are in docs/format.md.

    aws s3api list-objects-v2 --bucket B --prefix P --query 'Contents[].Key' --output text | tr '\\t' '\\n' > keys.txt
    aws s3 cp s3://B/P.enfold/folder.json .
    aws s3 cp --recursive s3://B/P.enfold/names/ names/          # only where some names are longer than 96 bytes
    python3 enfold-names.py --key my-key.txt --descriptor folder.json --prefix P --long-names names < keys.txt

The key is a file: 32 raw bytes, hex, base64, what `enfold key export` wrote (asks for its passphrase, or takes it from
ENFOLD_PASSPHRASE), or an RSA private key as unencrypted PKCS#8 PEM.
"""
import argparse, base64, binascii, getpass, hashlib, hmac, json, os, re, struct, sys, unicodedata


class Unreadable(Exception):
    """What was given is damaged, does not belong together, or is not what it should be."""


# ---------------------------------------------------------------- AES (FIPS 197), encryption only, and what is built on it

def _make_sbox():
    sbox, p, q = [0] * 256, 1, 1
    while True:
        p = p ^ ((p << 1) & 0xFF) ^ (0x1B if p & 0x80 else 0)
        for shift in (1, 2, 4):
            q = (q ^ (q << shift)) & 0xFF
        if q & 0x80:
            q ^= 0x09
        rotated = q
        for shift in range(1, 5):
            rotated ^= ((q << shift) | (q >> (8 - shift))) & 0xFF
        sbox[p] = rotated ^ 0x63
        if p == 1:
            sbox[0] = 0x63
            return sbox


SBOX = _make_sbox()
DOUBLED = [((value << 1) ^ (0x1B if value & 0x80 else 0)) & 0xFF for value in range(256)]
SHIFTED = [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11]


class Aes:
    def __init__(self, key):
        words = [list(key[i:i + 4]) for i in range(0, len(key), 4)]
        count, round_constant = len(words), 1
        for i in range(count, 4 * (count + 7)):
            word = list(words[i - 1])
            if i % count == 0:
                word = [SBOX[b] for b in word[1:] + word[:1]]
                word[0] ^= round_constant
                round_constant = DOUBLED[round_constant]
            elif count > 6 and i % count == 4:
                word = [SBOX[b] for b in word]
            words.append([a ^ b for a, b in zip(words[i - count], word)])
        flat = [b for word in words for b in word]
        self.round_keys = [flat[i:i + 16] for i in range(0, len(flat), 16)]

    def encrypt(self, block):
        state = [a ^ b for a, b in zip(block, self.round_keys[0])]
        for round_key in self.round_keys[1:-1]:
            s = [SBOX[state[i]] for i in SHIFTED]
            state = []
            for c in range(0, 16, 4):
                a, b, d, e = s[c:c + 4]
                every = a ^ b ^ d ^ e
                state += [a ^ every ^ DOUBLED[a ^ b], b ^ every ^ DOUBLED[b ^ d], d ^ every ^ DOUBLED[d ^ e], e ^ every ^ DOUBLED[e ^ a]]
            state = [a ^ b for a, b in zip(state, round_key)]
        return bytes(SBOX[state[i]] ^ k for i, k in zip(SHIFTED, self.round_keys[-1]))


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def doubled(block):
    """Multiplication by x in GF(2^128), as CMAC and S2V use it."""
    value = int.from_bytes(block, "big") << 1
    return ((value & ((1 << 128) - 1)) ^ (0x87 if value >> 128 else 0)).to_bytes(16, "big")


class Siv:
    """AES-SIV, RFC 5297."""

    def __init__(self, key):
        half = len(key) // 2
        self.mac, self.stream = Aes(key[:half]), Aes(key[half:])
        self.subkey = doubled(self.mac.encrypt(bytes(16)))

    def cmac(self, message):
        full = len(message) > 0 and len(message) % 16 == 0
        if not full:
            message = message + b"\x80" + bytes(-(len(message) + 1) % 16)
        last = xor(message[-16:], self.subkey if full else doubled(self.subkey))
        state = bytes(16)
        for at in range(0, len(message) - 16, 16):
            state = self.mac.encrypt(xor(state, message[at:at + 16]))
        return self.mac.encrypt(xor(state, last))

    def s2v(self, associated, plaintext):
        state = self.cmac(bytes(16))
        for text in associated:
            state = xor(doubled(state), self.cmac(text))
        if len(plaintext) >= 16:
            return self.cmac(plaintext[:-16] + xor(plaintext[-16:], state))
        return self.cmac(xor(doubled(state), plaintext + b"\x80" + bytes(15 - len(plaintext))))

    def open(self, associated, sealed):
        iv, text = sealed[:16], sealed[16:]
        counter = int.from_bytes(iv, "big") & ~((1 << 63) | (1 << 31))
        stream = b"".join(self.stream.encrypt((counter + i).to_bytes(16, "big")) for i in range((len(text) + 15) // 16))
        plaintext = xor(text, stream)
        if len(iv) < 16 or not hmac.compare_digest(iv, self.s2v(associated, plaintext)):
            raise Unreadable("was altered, moved, or belongs to another folder")
        return plaintext


def open_gcm(key, iv, sealed, associated):
    """AES-GCM with a 12-byte IV and a 16-byte tag at the end."""
    aes, text, tag = Aes(key), sealed[:-16], sealed[-16:]
    h = int.from_bytes(aes.encrypt(bytes(16)), "big")

    def times_h(x):
        product, v = 0, h
        for bit in range(127, -1, -1):
            if x >> bit & 1:
                product ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        return product

    padded = associated + bytes(-len(associated) % 16) + text + bytes(-len(text) % 16) + struct.pack(">QQ", 8 * len(associated), 8 * len(text))
    state = 0
    for at in range(0, len(padded), 16):
        state = times_h(state ^ int.from_bytes(padded[at:at + 16], "big"))
    block = lambda n: aes.encrypt(iv + struct.pack(">I", n))
    if not hmac.compare_digest(xor(state.to_bytes(16, "big"), block(1)), tag):
        raise Unreadable("the key does not open the folder's description")
    return xor(text, b"".join(block(2 + i) for i in range((len(text) + 15) // 16)))


def hkdf(hash_name, secret, salt, info, length):
    digest = hashlib.new(hash_name).digest_size
    prk = hmac.new(salt or bytes(digest), secret, hash_name).digest()
    out, last = b"", b""
    while len(out) < length:
        last = hmac.new(prk, last + info + bytes([len(out) // digest + 1]), hash_name).digest()
        out += last
    return out[:length]


# ---------------------------------------------------------------- RSA-OAEP with SHA-1, from a PKCS#8 PEM

def der_items(data):
    items, at = [], 0
    while at < len(data):
        length, at = data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at:at + count], "big"), at + count
        items.append(data[at:at + length])
        at += length
    return items


def rsa_private_key(pem):
    body = re.search(r"-----BEGIN (RSA )?PRIVATE KEY-----(.*?)-----END", pem, re.S)
    if not body:
        raise Unreadable("the PEM file holds no unencrypted private key")
    items = der_items(der_items(base64.b64decode("".join(body.group(2).split())))[0])
    if not body.group(1):
        items = der_items(der_items(items[2])[0])
    return int.from_bytes(items[1], "big"), int.from_bytes(items[3], "big")


def mgf1(seed, length):
    return b"".join(hashlib.sha1(seed + struct.pack(">I", i)).digest() for i in range(length // 20 + 1))[:length]


def open_oaep(pem, wrapped, suffix):
    n, d = rsa_private_key(pem)
    size = (n.bit_length() + 7) // 8
    block = pow(int.from_bytes(wrapped, "big"), d, n).to_bytes(size, "big")
    seed = xor(block[1:21], mgf1(block[21:], 20))
    db = xor(block[21:], mgf1(seed, size - 21))
    message = db[20:].lstrip(b"\x00")
    if block[0] or db[:20] != hashlib.sha1(b"").digest() or message[:2] != b"\x01\x20" or message[34:] != suffix:
        raise Unreadable("the key does not open the folder's description")
    return message[2:34]


# ---------------------------------------------------------------- age files under a passphrase (age-encryption.org/v1)

def chacha20_block(key, counter, nonce):
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    s = list(start)

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] ^= s[x]
            s[z] = (s[z] << turn | s[z] >> (32 - turn)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))


def open_chacha20_poly1305(key, nonce, sealed):
    text, tag = sealed[:-16], sealed[-16:]
    one_time = chacha20_block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    padded, state = text + bytes(-len(text) % 16) + struct.pack("<QQ", 0, len(text)), 0
    for at in range(0, len(padded), 16):
        state = (state + int.from_bytes(padded[at:at + 16] + b"\x01", "little")) * r % ((1 << 130) - 5)
    expected = (state + int.from_bytes(one_time[16:32], "little")) & ((1 << 128) - 1)
    if not hmac.compare_digest(expected.to_bytes(16, "little"), tag):
        raise Unreadable("wrong passphrase, or the key file is damaged")
    return xor(text, b"".join(chacha20_block(key, 1 + i, nonce) for i in range((len(text) + 63) // 64)))


def unpadded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


def open_age(data, passphrase):
    if data.lstrip().startswith(b"-----BEGIN AGE"):
        data = base64.b64decode(b"".join(line for line in data.split() if not re.match(rb"-|BEGIN|END|AGE|ENCRYPTED|FILE", line)))
    header, _, rest = data.partition(b"\n---")
    lines = header.decode("ascii").split("\n")
    stanza = lines[1].split(" ")
    if lines[0] != "age-encryption.org/v1" or stanza[:2] != ["->", "scrypt"] or not 1 <= int(stanza[3]) <= 22:
        raise Unreadable("the key file is not protected by a passphrase")
    cost = 1 << int(stanza[3])
    salt = b"age-encryption.org/v1/scrypt" + unpadded(stanza[2])
    wrapping = hashlib.scrypt(passphrase.encode("utf-8"), salt=salt, n=cost, r=8, p=1, dklen=32, maxmem=2 * 128 * 8 * cost)
    file_key = open_chacha20_poly1305(wrapping, bytes(12), unpadded("".join(lines[2:])))
    mac_line, _, payload = rest.partition(b"\n")
    mac = hmac.new(hkdf("sha256", file_key, b"", b"header", 32), header + b"\n---", "sha256").digest()
    if not hmac.compare_digest(mac, unpadded(mac_line.strip().decode("ascii"))):
        raise Unreadable("the key file is damaged")
    payload_key, chunks = hkdf("sha256", file_key, payload[:16], b"payload", 32), payload[16:]
    size, out = 65536 + 16, b""
    count = max(1, (len(chunks) + size - 1) // size)
    for i in range(count):
        nonce = i.to_bytes(11, "big") + (b"\x01" if i == count - 1 else b"\x00")
        out += open_chacha20_poly1305(payload_key, nonce, chunks[i * size:(i + 1) * size])
    return out


# ---------------------------------------------------------------- Enfold's own formats

def read_key(path):
    """32 bytes, or the text of a PEM."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) == 32:
        return data
    if data.lstrip().startswith((b"-----BEGIN AGE", b"age-encryption.org")):
        data = open_age(data, os.environ.get("ENFOLD_PASSPHRASE") or getpass.getpass("Passphrase of the key file: "))
    text = data.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        exported = json.loads(text)
        if exported.get("enfold") != "key":
            raise Unreadable("the key file holds no Enfold key")
        raw = base64.b64decode(exported["key"])
        if exported.get("type") != "rsa":
            return raw
        text = raw.decode("utf-8", "replace")
        if "-----BEGIN" not in text:
            return "-----BEGIN PRIVATE KEY-----\n" + exported["key"] + "\n-----END PRIVATE KEY-----"
    if "-----BEGIN" in text:
        return text
    packed = "".join(text.split())
    try:
        raw = bytes.fromhex(packed) if re.fullmatch(r"[0-9A-Fa-f]+", packed) else base64.b64decode(packed.translate(str.maketrans("-_", "+/")) + "=" * (-len(packed) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise Unreadable("the key file is neither raw, hex, base64, PEM nor an Enfold export")
    return raw


def folder_key_of(descriptor, key):
    purpose = b"enfold folder key v1|" + descriptor["id"].encode("ascii")
    failure = Unreadable("the folder's description lists no key that this script can use")
    for epoch in reversed(descriptor["epochs"]):
        if epoch["mode"]["id"] != "cse-c" or not epoch["wrappedFolderKey"]:
            continue
        wrapped = base64.b64decode(epoch["wrappedFolderKey"])
        try:
            if epoch["mode"]["keyType"] == "rsa" and isinstance(key, str):
                folder_key = open_oaep(key, wrapped, purpose)
            elif epoch["mode"]["keyType"] == "aes" and isinstance(key, bytes):
                folder_key = open_gcm(key, wrapped[:12], wrapped[12:], purpose)
            else:
                continue
        except Unreadable as error:
            failure = error
            continue
        check_mac(descriptor, folder_key)
        return folder_key
    raise failure


def check_mac(descriptor, folder_key):
    content = {name: value for name, value in descriptor.items() if name != "mac"}
    authentication = hkdf("sha512", folder_key, b"", b"enfold authentication key v1|" + struct.pack(">I", content["epochs"][-1]["n"]), 32)
    mac_key = hkdf("sha512", authentication, b"", b"enfold descriptor mac v1", 32)
    text = json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
    if not hmac.compare_digest(hmac.new(mac_key, text, "sha256").digest(), base64.b64decode(descriptor["mac"])):
        raise Unreadable("the folder's description was altered")


BASE32HEX = "0123456789abcdefghijklmnopqrstuv"


def base32hex_encode(data):
    bits = "".join(format(byte, "08b") for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(BASE32HEX[int(bits[i:i + 5], 2)] for i in range(0, len(bits), 5))


def base32hex_decode(text):
    if not text or any(character not in BASE32HEX for character in text):
        raise Unreadable("is not the key of an encrypted name")
    bits = "".join(format(BASE32HEX.index(character), "05b") for character in text)
    data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits) - 7, 8))
    if base32hex_encode(data) != text:
        raise Unreadable("is not the key of an encrypted name")
    return data


class Names:
    def __init__(self, names_key, folder_id, long_names):
        self.siv, self.folder, self.long_names = Siv(names_key), bytes.fromhex(folder_id), long_names
        self.hash_key = hkdf("sha512", names_key, b"", b"enfold long name hash v1", 32)
        self.directories = {"": ""}

    def decrypt(self, key):
        head, slash, tail = key.rstrip("/").rpartition("/")
        parent = self.directory(head + slash)
        name = self.segment(parent, tail)
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise Unreadable("holds a name that no file can have")
        return parent + name + ("/" if key.endswith("/") else "")

    def directory(self, key):
        if key not in self.directories:
            self.directories[key] = self.decrypt(key)
        return self.directories[key]

    def segment(self, parent, text):
        where = unicodedata.normalize("NFC", parent).encode("utf-8")
        if not text.startswith("~"):
            return self.siv.open([self.folder, where], base32hex_decode(text)).decode("utf-8")
        path = os.path.join(self.long_names or "", text[1:])
        if not re.fullmatch("[0-9a-v]{32}", text[1:]) or not self.long_names or not os.path.isfile(path):
            raise Unreadable("needs the record of a long name: .enfold/names/" + text[1:])
        with open(path, "rb") as file:
            record = file.read()
        if record[:1] != b"\x01":
            raise Unreadable("has a damaged record of its long name")
        name = self.siv.open([self.folder, where, b"enfold long name v1"], record[1:])
        expected = hmac.new(self.hash_key, self.folder + struct.pack(">I", len(where)) + where + name, "sha256").digest()[:20]
        if base32hex_encode(expected) != text[1:]:
            raise Unreadable("has another name's record")
        return name.decode("utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keys", nargs="*", metavar="OBJECT_KEY", help="object keys; none: one per line of standard input")
    parser.add_argument("--key", help="file with the master key")
    parser.add_argument("--descriptor", help="the folder's .enfold/folder.json")
    parser.add_argument("--names-key", help="instead of both: file with the 64-byte names key in hex")
    parser.add_argument("--folder-id", help="with --names-key: the folder id, 32 hex digits")
    parser.add_argument("--prefix", default="", help="the folder's prefix in the bucket; keys outside it are passed over")
    parser.add_argument("--long-names", help="directory with the downloaded records of .enfold/names/")
    parser.add_argument("--json", action="store_true", help="one JSON object per line, with the object key and its path or error")
    options = parser.parse_args()
    try:
        if options.names_key and options.folder_id:
            with open(options.names_key, "r", encoding="ascii") as file:
                names = Names(bytes.fromhex("".join(file.read().split())), options.folder_id, options.long_names)
        elif options.key and options.descriptor:
            with open(options.descriptor, "rb") as file:
                descriptor = json.load(file)
            if descriptor.get("enfold") != "folder" or descriptor.get("version") != 1:
                raise Unreadable("the description is not of a folder this script knows")
            if descriptor["names"] != "encrypted":
                raise Unreadable("the names of this folder are not encrypted: its object keys are its paths")
            folder_key = folder_key_of(descriptor, read_key(options.key))
            names = Names(hkdf("sha512", folder_key, b"", b"enfold names key v1", 64), descriptor["id"], options.long_names)
        else:
            parser.error("give --key and --descriptor, or --names-key and --folder-id")
    except (Unreadable, OSError, KeyError, ValueError, IndexError) as error:
        sys.exit("enfold-names: %s" % error)
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    failed = 0
    for key in options.keys or (line.rstrip("\r\n") for line in sys.stdin):
        if not key.startswith(options.prefix) or key[len(options.prefix):].startswith(".enfold/") or key == options.prefix:
            continue
        try:
            path, error = names.decrypt(key[len(options.prefix):]), None
        except (Unreadable, UnicodeDecodeError) as problem:
            path, error, failed = None, str(problem), failed + 1
        if options.json:
            print(json.dumps({"key": key, "error": error} if path is None else {"key": key, "path": path}))
        elif path is None:
            print("enfold-names: %s %s" % (key, error), file=sys.stderr)
        else:
            print(path)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
