/** Objects as large as S3 takes them in one request, 5 GiB: by PUT and in parts, whole and by ranges, in memory that does not grow with them. */
import { createHash, randomBytes, type Hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createSigner } from '../../main/sigv4/sign.ts';
import { canonicalQuery, encodePath, UNSIGNED_PAYLOAD } from '../../main/sigv4/signature.ts';
import { ended, launch } from './process.ts';
import { createTarget, type Endpoint } from './target.ts';

const BYTES = 5 * 1024 ** 3;
const PART_BYTES = 64 << 20;
const PARTS_AT_ONCE = 4;
const PIECE_BYTES = 1 << 20;
const MAX_MIB = 250;

const noise = randomBytes(PIECE_BYTES);
/** Piece `index` of the content: no two are equal. */
function pieceOf(index: number): Buffer {
  const piece = Buffer.from(noise);
  piece.writeUInt32BE(index);
  return piece;
}

function open(access: Endpoint, method: string, path: string, query: readonly (readonly [string, string])[], sizeBytes: number | null): { readonly outgoing: ReturnType<typeof request>; readonly answered: Promise<IncomingMessage> } {
  const { host, hostname, port } = new URL(access.endpoint);
  const headers = { host, ...createSigner(access, 'us-east-1').signHeaders({ method, path, query, headers: { host }, payloadHash: UNSIGNED_PAYLOAD }, Date.now()), ...(sizeBytes !== null && { 'content-length': String(sizeBytes) }) };
  const outgoing = request({ hostname, port, agent: false, method, path: encodePath(path) + (query.length > 0 ? `?${canonicalQuery(query)}` : ''), headers });
  return { outgoing, answered: new Promise((resolve, reject) => outgoing.once('response', resolve).once('error', reject)) };
}

/** @returns the ETag. */
async function put(access: Endpoint, path: string, query: readonly (readonly [string, string])[], firstPiece: number, pieces: number): Promise<string> {
  const { outgoing, answered } = open(access, 'PUT', path, query, pieces * PIECE_BYTES);
  for (let index = firstPiece; index < firstPiece + pieces; index += 1) {
    if (!outgoing.write(pieceOf(index))) await new Promise((drained) => outgoing.once('drain', drained));
  }
  outgoing.end();
  const answer = await answered;
  answer.resume();
  expect(answer.statusCode).toBe(200);
  return String(answer.headers.etag);
}

async function hashOf(access: Endpoint, path: string): Promise<string> {
  const { outgoing, answered } = open(access, 'GET', path, [], null);
  outgoing.end();
  const hash: Hash = createHash('sha256');
  for await (const piece of (await answered) as AsyncIterable<Buffer>) hash.update(piece);
  return hash.digest('hex');
}

test('5 GiB go up in one request and in parts, and come back, in memory that does not grow', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-large-'));
  const { child, access } = await launch(dir);
  const peakMiB = (): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
  const told: string[] = [];
  const timed = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const result = await act();
    told.push(`${what}: ${(BYTES / 1e6 / ((performance.now() - startedAt) / 1000)).toFixed(0)} MB/s, peak ${peakMiB().toFixed(0)} MiB`);
    return result;
  };
  try {
    const target = createTarget(access);
    await target.raw('/large', { method: 'PUT' });
    const expected = createHash('sha256');
    for (let index = 0; index < BYTES / PIECE_BYTES; index += 1) expected.update(pieceOf(index));
    const hash = expected.digest('hex');

    await timed('PUT', () => put(access, '/large/whole', [], 0, BYTES / PIECE_BYTES));
    expect(await timed('GET', () => hashOf(access, '/large/whole'))).toBe(hash);
    expect((await target.raw('/large/whole', { method: 'DELETE' })).status).toBe(204);

    await timed('in parts', async () => {
      const created = await target.raw('/large/parts', { method: 'POST', query: [['uploads', '']] });
      const uploadId = /<UploadId>([^<]*)</.exec(created.body.toString('utf8'))?.[1] ?? '';
      const etags: string[] = [];
      const numbers = Array.from({ length: BYTES / PART_BYTES }, (_, index) => index).values();
      await Promise.all(Array.from({ length: PARTS_AT_ONCE }, async () => {
        for (const index of numbers) etags[index] = await put(access, '/large/parts', [['partNumber', String(index + 1)], ['uploadId', uploadId]], (index * PART_BYTES) / PIECE_BYTES, PART_BYTES / PIECE_BYTES);
      }));
      const body = `<CompleteMultipartUpload>${etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('')}</CompleteMultipartUpload>`;
      expect((await target.raw('/large/parts', { method: 'POST', query: [['uploadId', uploadId]], body })).status).toBe(200);
    });
    expect(await timed('GET of parts', () => hashOf(access, '/large/parts'))).toBe(hash);
    const from = BYTES - PIECE_BYTES - 5;
    const range = await target.raw('/large/parts', { headers: { range: `bytes=${from}-${from + 9}` } });
    const last = BYTES / PIECE_BYTES - 1;
    expect(range.body).toEqual(Buffer.concat([pieceOf(last - 1).subarray(-5), pieceOf(last).subarray(0, 5)]));
    console.log(told.join('\n'));
    expect(peakMiB()).toBeLessThan(MAX_MIB);
  } finally {
    const gone = ended(child);
    child.kill('SIGTERM');
    await gone;
    rmSync(dir, { recursive: true });
  }
});
