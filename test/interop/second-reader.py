"""A second reader of Enfold's additions, written from docs/format.md alone (parts 2 to 8; names and keys by scripts/enfold-names.py).

Standard input: {"namesScript", "masterKey" (hex, or null), "customerKey" (hex, or null), "prefix", "objects": [{"key", "metadata", "body" (base64)}]}.
Standard output: what the folder holds, by real names, or {"error"}.
"""
import base64, hashlib, hmac, importlib.util, json, os, struct, sys, tempfile

given = json.load(sys.stdin)
spec = importlib.util.spec_from_file_location("enfold_names", given["namesScript"])
enfold = importlib.util.module_from_spec(spec)
spec.loader.exec_module(enfold)


def derive(secret, salt, info, length=32):
    return enfold.hkdf("sha512", secret, salt, info, length)


def layout(data):
    flags, mtime, bits, size, count = data[0], *struct.unpack(">qHQB", data[17:36])
    at, vector = 36, {}
    for _ in range(count):
        device, at = data[at:at + 6].hex(), at + 6
        value, scale = 0, 1
        while True:
            byte, at = data[at], at + 1
            value, scale = value + (byte & 0x7F) * scale, scale * 128
            if byte < 0x80:
                break
        vector[device] = value
    sha256 = data[at:at + 32].hex() if flags & 2 else None
    assert flags & ~3 == 0 and len(data) == at + (32 if flags & 2 else 0)
    return {"operationId": data[1:17].hex(), "mtimeMs": mtime, "modeBits": bits, "sizeBytes": size, "kind": "directory" if flags & 1 else "file", "vector": vector, "sha256": sha256}


def attributes(obj, folder_id, authentication, customer_key):
    metadata, value = obj["metadata"], base64.b64decode(obj["metadata"]["enfold-attrs"])
    key = obj["key"].encode()
    if value[0] == 0x01:
        return layout(value[1:])
    if value[0] == 0x21:
        label = b"enfold sse-c attributes v1"
        return layout(enfold.open_gcm(derive(customer_key, folder_id, label), value[1:13], value[13:], value[:1] + label + folder_id + key))
    if "x-amz-3" in metadata:
        message_id, commitment = base64.b64decode(metadata["x-amz-i"]), base64.b64decode(metadata["x-amz-d"])
    else:
        message_id = commitment = hashlib.sha256(base64.b64decode(metadata["x-amz-key-v2"])).digest()
    label = b"enfold attributes v1"
    associated = value[:5] + label + folder_id + bytes([len(commitment)]) + commitment + key
    epoch = struct.unpack(">I", value[1:5])[0]
    return {**layout(enfold.open_gcm(derive(authentication(epoch), message_id, label), value[5:17], value[17:], associated)), "epoch": epoch}


def record(obj, purpose, authentication):
    data = obj["data"]
    if authentication is None:
        return json.loads(data)
    label = b"enfold record v1|" + purpose
    epoch = struct.unpack(">I", data[1:5])[0]
    assert data[0] == 0x11
    return json.loads(enfold.open_gcm(derive(authentication(epoch), b"", label), data[5:17], data[17:], data[:5] + label + b"|" + obj["key"].encode()))


def tombstone_hash(path, authentication, epoch):
    if authentication is None:
        digest = hashlib.sha256(b"enfold tombstone path v1|" + path.encode()).digest()
    else:
        digest = hmac.new(derive(authentication(epoch), b"", b"enfold tombstone path v1"), path.encode(), "sha256").digest()
    return enfold.base32hex_encode(digest[:20])


def main():
    prefix, own = given["prefix"], given["prefix"] + ".enfold/"
    objects = [{**obj, "data": base64.b64decode(obj["body"])} for obj in given["objects"]]
    descriptor = json.loads(next(obj["data"] for obj in objects if obj["key"] == own + "folder.json"))
    folder_id, current = bytes.fromhex(descriptor["id"]), descriptor["epochs"][-1]["n"]
    customer_key = bytes.fromhex(given["customerKey"] or "")
    authentication, to_path = None, lambda key: key
    if given["masterKey"]:
        folder_key = enfold.folder_key_of(descriptor, bytes.fromhex(given["masterKey"]))
        authentication = lambda n: derive(folder_key, b"", b"enfold authentication key v1|" + struct.pack(">I", n))
        if descriptor["names"] == "encrypted":
            records = tempfile.mkdtemp()
            for obj in objects:
                if obj["key"].startswith(own + "names/"):
                    with open(os.path.join(records, obj["key"].rpartition("/")[2]), "wb") as file:
                        file.write(obj["data"])
            to_path = enfold.Names(derive(folder_key, b"", b"enfold names key v1", 64), descriptor["id"], records).decrypt
    elif descriptor["mac"] is not None:
        raise ValueError("a server-side folder has no MAC")
    answer = {"id": descriptor["id"], "files": {}, "tombstones": [], "feeds": {}}
    for obj in objects:
        key = obj["key"]
        if not key.startswith(own):
            answer["files"][to_path(key[len(prefix):])] = attributes(obj, folder_id, authentication, customer_key)
        elif key.startswith(own + "tomb/"):
            found = record(obj, b"tombstone", authentication)
            assert key == own + "tomb/" + tombstone_hash(found["path"], authentication, current) + "/" + found["operationId"]
            answer["tombstones"].append(found)
        elif key.startswith(own + "feed/"):
            feed = record(obj, b"feed", authentication)
            assert key == own + "feed/" + feed["device"] and feed["enfold"] == "feed" and feed["version"] == 1
            answer["feeds"][feed["device"]] = [{**change, "number": feed["first"] + index, "path": to_path(change["key"])} for index, change in enumerate(feed["changes"])]
    return answer


try:
    print(json.dumps(main()))
except Exception as error:  # what is not as the document says
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
