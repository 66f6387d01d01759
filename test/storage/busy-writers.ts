/**
 * Two hundred writers at once, and a ledger of what the storage has promised them: for storages that are killed or lose their power.
 *
 * What was acknowledged must be there and whole; what was asked for and not answered may be there, whole, or not at all.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { canonicalQuery, encodePath, UNSIGNED_PAYLOAD } from '../../main/sigv4/signature.ts';
import { createSigner, type Signer } from '../../main/sigv4/sign.ts';
import { Dice } from '../helpers/faults.ts';
import type { Endpoint } from './target.ts';

const PLAIN = 'plain';
const VERSIONED = 'versioned';
const KEYS_PER_WRITER = 6;
const PART_BYTES = 5 * 1024 * 1024;
const READS_AT_ONCE = 16;

type Hash = string;
type Answered = { readonly status: number; readonly body: Buffer; readonly headers: Readonly<Record<string, string | string[] | undefined>> };
type Given = { readonly query?: readonly (readonly [string, string])[]; readonly headers?: Readonly<Record<string, string>>; readonly body?: Uint8Array | string };

/** Of a key in the versioned bucket, oldest first; a null hash is a delete marker. */
type Version = { readonly id: string; readonly hash: Hash | null; mayBeGone: boolean; wasRead?: boolean };
type VersionedKey = {
  versions: Version[];
  /** Of writes and deletions that were not answered. */
  attempts: (Hash | null)[];
  readonly removed: Set<string>;
};
/** Parts that were acknowledged, of an upload that nobody asked to complete yet. */
type Pending = { readonly objectKey: string; readonly uploadId: string; readonly etags: readonly string[]; readonly hash: Hash };

const sha256 = (content: Uint8Array): Hash => createHash('sha256').update(content).digest('hex');
const completion = (etags: readonly string[]): string => `<CompleteMultipartUpload>${etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('')}</CompleteMultipartUpload>`;
const textOf = (xml: string, name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';

/** One life of a server: requests end with null once it is gone. */
class Client {
  readonly #endpoint: URL;
  readonly #signer: Signer;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(access: Endpoint) {
    this.#endpoint = new URL(access.endpoint);
    this.#signer = createSigner(access, 'us-east-1');
  }

  ask(method: string, path: string, { query = [], headers = {}, body }: Given = {}): Promise<Answered | null> {
    const { host, hostname, port } = this.#endpoint;
    const toSign = { host, ...headers };
    const sent: Record<string, string> = { ...toSign, ...this.#signer.signHeaders({ method, path, query, headers: toSign, payloadHash: UNSIGNED_PAYLOAD }, Date.now()) };
    if (body !== undefined) sent['content-length'] = String(Buffer.byteLength(body));
    const queryText = canonicalQuery(query);
    return new Promise((resolve) => {
      const outgoing = httpRequest({ hostname, port, agent: this.#agent, method, path: encodePath(path) + (queryText === '' ? '' : `?${queryText}`), headers: sent }, (incoming) => {
        const pieces: Buffer[] = [];
        incoming.on('data', (piece: Buffer) => pieces.push(piece));
        incoming.on('error', () => resolve(null));
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(pieces) }));
      });
      outgoing.on('error', () => resolve(null));
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export class BusyWriters {
  /** Acknowledged changes, in all lives. */
  acknowledged = 0;
  /** Codes that were answered with a status of 500 or more: a server that is losing its disk may, and promises nothing by it. */
  readonly faults = new Set<string>();
  readonly seed: number;
  readonly #dice: Dice;
  readonly #plain = new Map<string, Set<Hash | null>>();
  readonly #versioned = new Map<string, VersionedKey>();
  #pending: Pending[] = [];
  readonly #touched = new Set<string>();

  /** @param seed - of what is written; when the end comes is chance. */
  constructor(seed: number) {
    this.seed = seed;
    this.#dice = new Dice(seed);
  }

  /** An integer from 0 to `below` - 1. */
  below(below: number): number {
    return this.#dice.below(below);
  }

  async prepare(access: Endpoint): Promise<void> {
    const client = new Client(access);
    for (const bucket of [PLAIN, VERSIONED]) this.#isDone(await client.ask('PUT', `/${bucket}`), bucket);
    const on = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    if (!this.#isDone(await client.ask('PUT', `/${VERSIONED}`, { query: [['versioning', '']], body: on }), VERSIONED)) throw new Error('versioning could not be turned on');
    client.close();
  }

  /** Runs `count` writers, each with keys of its own, until the server is gone. `onAcknowledged` is told how many changes of this life were. */
  async write(access: Endpoint, count: number, onAcknowledged: (count: number) => void): Promise<void> {
    const client = new Client(access);
    let acknowledged = 0;
    const writer = async (id: number): Promise<void> => {
      while (await this.#change(client, id)) {
        this.acknowledged += 1;
        onAcknowledged((acknowledged += 1));
      }
    };
    await Promise.all(Array.from({ length: count }, (_, id) => writer(id)));
    client.close();
  }

  #change(client: Client, writer: number): Promise<boolean> {
    const dice = this.#dice.below(100);
    const key = `${writer}/${this.#dice.below(KEYS_PER_WRITER)}`;
    if (dice < 40) return this.#put(client, key, this.#body(dice < 30 ? 40_000 : 300_000));
    if (dice < 50) return this.#copy(client, `${writer}/${this.#dice.below(KEYS_PER_WRITER)}`, key);
    if (dice < 60) return this.#delete(client, key);
    if (dice < 75) return this.#upload(client, key);
    const versioned = `${writer}/v`;
    if (dice < 90) return this.#putVersion(client, versioned, this.#body(dice < 87 ? 20_000 : 200_000));
    return dice < 95 ? this.#deleteLatest(client, versioned) : this.#deleteVersion(client, versioned);
  }

  #body(maxBytes: number): Buffer {
    return randomBytes(this.#dice.below(maxBytes));
  }

  #isDone(answer: Answered | null, path: string): answer is Answered {
    if (answer !== null && answer.status >= 500) this.faults.add(textOf(answer.body.toString('utf8'), 'Code'));
    if (answer === null || answer.status >= 500) return false;
    if (answer.status >= 300) throw new Error(`${path} was answered ${answer.status}: ${answer.body.toString('utf8')}`);
    return true;
  }

  /** One change of a key of the plain bucket: it may have the new content from now on, and has it once that is answered. */
  async #plainChange(key: string, after: Hash | null, act: () => Promise<Answered | null>): Promise<boolean> {
    const before = this.#plain.get(key) ?? new Set([null]);
    this.#plain.set(key, new Set([...before, after]));
    this.#touched.add(key);
    const answer = await act();
    if (!this.#isDone(answer, key)) return false;
    this.#plain.set(key, new Set([after]));
    return true;
  }

  #put(client: Client, key: string, body: Buffer): Promise<boolean> {
    return this.#plainChange(key, sha256(body), () => client.ask('PUT', `/${PLAIN}/${key}`, { body }));
  }

  #delete(client: Client, key: string): Promise<boolean> {
    return this.#plainChange(key, null, () => client.ask('DELETE', `/${PLAIN}/${key}`));
  }

  #copy(client: Client, from: string, to: string): Promise<boolean> {
    const [hash = null, ...others] = this.#plain.get(from) ?? [null];
    // Nothing to copy, nothing known for sure, or no change.
    if (hash === null || others.length > 0 || from === to) return this.#put(client, to, this.#body(1000));
    return this.#plainChange(to, hash, () => client.ask('PUT', `/${PLAIN}/${to}`, { headers: { 'x-amz-copy-source': `/${PLAIN}/${from}` } }));
  }

  async #upload(client: Client, key: string): Promise<boolean> {
    const path = `/${PLAIN}/${key}`;
    const created = await client.ask('POST', path, { query: [['uploads', '']] });
    if (!this.#isDone(created, path)) return false;
    const uploadId = textOf(created.body.toString('utf8'), 'UploadId');
    const bodies = this.#dice.chance(0.05) ? [randomBytes(PART_BYTES), this.#body(50_000)] : [this.#body(150_000)];
    const etags: string[] = [];
    for (const [index, body] of bodies.entries()) {
      const part = await client.ask('PUT', path, { query: [['partNumber', String(index + 1)], ['uploadId', uploadId]], body });
      if (!this.#isDone(part, path)) return false;
      etags.push(String(part.headers['etag']));
    }
    const hash = sha256(Buffer.concat(bodies));
    if (this.#dice.chance(0.3)) {
      this.#pending.push({ objectKey: key, uploadId, etags, hash });
      return true;
    }
    return this.#plainChange(key, hash, () => client.ask('POST', path, { query: [['uploadId', uploadId]], body: completion(etags) }));
  }

  #versionedKey(key: string): VersionedKey {
    const known = this.#versioned.get(key);
    if (known !== undefined) return known;
    const fresh: VersionedKey = { versions: [], attempts: [], removed: new Set() };
    this.#versioned.set(key, fresh);
    return fresh;
  }

  async #newVersion(key: string, hash: Hash | null, act: () => Promise<Answered | null>): Promise<boolean> {
    const known = this.#versionedKey(key);
    known.attempts.push(hash);
    const answer = await act();
    if (!this.#isDone(answer, key)) return false;
    known.attempts.pop();
    known.versions.push({ id: String(answer.headers['x-amz-version-id']), hash, mayBeGone: false });
    return true;
  }

  #putVersion(client: Client, key: string, body: Buffer): Promise<boolean> {
    return this.#newVersion(key, sha256(body), () => client.ask('PUT', `/${VERSIONED}/${key}`, { body }));
  }

  #deleteLatest(client: Client, key: string): Promise<boolean> {
    return this.#newVersion(key, null, () => client.ask('DELETE', `/${VERSIONED}/${key}`));
  }

  async #deleteVersion(client: Client, key: string): Promise<boolean> {
    const known = this.#versionedKey(key);
    if (known.versions.length === 0) return this.#putVersion(client, key, this.#body(1000));
    const victim = this.#dice.pick(known.versions);
    victim.mayBeGone = true;
    if (!this.#isDone(await client.ask('DELETE', `/${VERSIONED}/${key}`, { query: [['versionId', victim.id]] }), key)) return false;
    known.versions = known.versions.filter((version) => version !== victim);
    known.removed.add(victim.id);
    return true;
  }

  /**
   * Compares what the next life of the server holds with what was promised; from then on, what was seen is promised too.
   *
   * @param isLast - read everything once more, not only what this life changed.
   * @returns one sentence per broken promise; none is what is wanted.
   */
  async check(access: Endpoint, isLast: boolean): Promise<string[]> {
    const client = new Client(access);
    const wrong: string[] = [];
    await this.#checkPlain(client, wrong, isLast);
    await this.#checkVersions(client, wrong, isLast);
    await this.#completePending(client, wrong);
    this.#touched.clear();
    client.close();
    return wrong;
  }

  async #checkPlain(client: Client, wrong: string[], isLast: boolean): Promise<void> {
    const listed = new Set(await listKeys(client));
    for (const key of listed) if (!this.#plain.has(key)) wrong.push(`${key} is listed and nobody wrote it`);
    await inParallel([...this.#plain].filter(([key]) => isLast || this.#touched.has(key) || (!listed.has(key) && !this.#plain.get(key)?.has(null))), async ([key, allowed]) => {
      const answer = await client.ask('GET', `/${PLAIN}/${key}`);
      const found = answer?.status === 404 ? null : answer?.status === 200 ? sha256(answer.body) : `status ${answer?.status ?? 'none'}`;
      if (!allowed.has(found)) wrong.push(`${key} is ${found ?? 'gone'} and not one of ${[...allowed].map((hash) => hash ?? 'gone').join(', ')}`);
      if (listed.has(key) !== (found !== null)) wrong.push(`${key} is ${found === null ? 'listed and gone' : 'there and not listed'}`);
      this.#plain.set(key, new Set([found]));
    });
  }

  async #checkVersions(client: Client, wrong: string[], isLast: boolean): Promise<void> {
    const found = new Map<string, { readonly id: string; readonly isMarker: boolean }[]>();
    for (const { key, ...version } of await listVersions(client)) found.set(key, [version, ...(found.get(key) ?? [])]);
    for (const key of found.keys()) if (!this.#versioned.has(key)) wrong.push(`${key} has versions and nobody wrote it`);
    await inParallel([...this.#versioned], async ([key, known]) => {
      const there = found.get(key) ?? [];
      const ids = there.map(({ id }) => id);
      for (const { id, mayBeGone } of known.versions) if (!ids.includes(id) && !mayBeGone) wrong.push(`version ${id} of ${key} is gone`);
      for (const id of known.removed) if (ids.includes(id)) wrong.push(`version ${id} of ${key} is back`);
      const kept = known.versions.filter(({ id }) => ids.includes(id));
      if (kept.map(({ id }) => id).join() !== ids.filter((id) => kept.some((version) => version.id === id)).join()) wrong.push(`the versions of ${key} are not in order`);
      const seen: Version[] = [];
      for (const { id, isMarker } of there) {
        const promised = kept.find((version) => version.id === id);
        if (promised?.wasRead === true && !isLast) {
          seen.push({ ...promised, mayBeGone: false });
          continue;
        }
        const answer = isMarker ? null : await client.ask('GET', `/${VERSIONED}/${key}`, { query: [['versionId', id]] });
        const hash = isMarker ? null : answer?.status === 200 ? sha256(answer.body) : `status ${answer?.status ?? 'none'}`;
        const isRight = promised === undefined ? known.attempts.includes(hash) : promised.hash === hash;
        if (!isRight) wrong.push(`version ${id} of ${key} is ${hash ?? 'a marker'}`);
        seen.push({ id, hash, mayBeGone: false, wasRead: true });
      }
      known.versions = seen;
      known.attempts = [];
    });
  }

  /** Parts that were acknowledged make an object in the next life as they would have in this one. */
  async #completePending(client: Client, wrong: string[]): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    // One of a key: the last to be completed is what the key holds.
    await inParallel([...new Map(pending.map((upload) => [upload.objectKey, upload])).values()], async ({ objectKey, uploadId, etags, hash }) => {
      const path = `/${PLAIN}/${objectKey}`;
      const completed = await client.ask('POST', path, { query: [['uploadId', uploadId]], body: completion(etags) });
      const answer = completed?.status === 200 ? await client.ask('GET', path) : null;
      if (answer === null || sha256(answer.body) !== hash) wrong.push(`the parts of ${objectKey} do not make the object: ${completed?.status ?? 'no answer'} ${completed?.body.toString('utf8') ?? ''}`);
      this.#plain.set(objectKey, new Set([hash]));
    });
  }
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(Array.from({ length: READS_AT_ONCE }, async () => {
    for (const item of rest) await act(item);
  }));
}

async function listKeys(client: Client): Promise<string[]> {
  const keys: string[] = [];
  for (let after = ''; ;) {
    const answer = await client.ask('GET', `/${PLAIN}`, { query: [['list-type', '2'], ['start-after', after]] });
    const xml = answer?.body.toString('utf8') ?? '';
    const page = [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
    keys.push(...page);
    if (!xml.includes('<IsTruncated>true</IsTruncated>')) return keys;
    after = page.at(-1) ?? '';
  }
}

/** Each key's newest first. */
async function listVersions(client: Client): Promise<{ readonly key: string; readonly id: string; readonly isMarker: boolean }[]> {
  const versions: { key: string; id: string; isMarker: boolean }[] = [];
  for (let [key, id] = ['', '']; ;) {
    const answer = await client.ask('GET', `/${VERSIONED}`, { query: [['versions', ''], ['key-marker', key], ['version-id-marker', id]].filter(([name, value]) => name === 'versions' || value !== '') as [string, string][] });
    const xml = answer?.body.toString('utf8') ?? '';
    for (const [, tag = '', content = ''] of xml.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/gs)) versions.push({ key: textOf(content, 'Key'), id: textOf(content, 'VersionId'), isMarker: tag === 'DeleteMarker' });
    if (!xml.includes('<IsTruncated>true</IsTruncated>')) return versions;
    [key, id] = [textOf(xml, 'NextKeyMarker'), textOf(xml, 'NextVersionIdMarker')];
  }
}
