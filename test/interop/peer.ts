/** A client of other people's making as one process that serves a whole suite: starting one takes longer than most of the requests. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Place, Server } from './objects.ts';

const rubyProgram = fileURLToPath(new URL('peer.rb', import.meta.url));

/** `description` is the JSON text as the peer is to write it. */
export type PeerKey = { readonly aes?: string; readonly rsa?: string; readonly description?: string };
export type PeerRequest = {
  readonly bucket: string;
  readonly objectKey: string;
  readonly place?: Place;
  readonly format?: 'v2' | 'v1';
  readonly keys?: readonly PeerKey[];
  readonly kms?: string;
  readonly context?: Readonly<Record<string, string>>;
};
/** `sizeBytes` and `sha256` are those of the plaintext. */
export type PeerAnswer = { readonly ok: true; readonly sizeBytes?: number; readonly sha256?: string } | { readonly ok: false; readonly error: string; readonly message: string };

export type Peer = {
  readonly version: string;
  /** Rejects where the peer could not write. */
  put(request: PeerRequest, plaintext: Buffer): Promise<void>;
  /** What the peer read, or how it refused. */
  get(request: PeerRequest): Promise<PeerAnswer>;
  stop(): Promise<void>;
};

export const RUBY_PEER: readonly [string, ...string[]] = ['ruby', '-W0', rubyProgram];

export function isRubyPeerInstalled(): boolean {
  const installed = spawnSync('ruby', ['-e', 'require "aws-sdk-s3"']).status === 0;
  if (!installed && process.env['CI']) throw new Error('The Ruby client is not installed: run `npm run setup` (apt-get install ruby-aws-sdk-s3)');
  if (!installed) process.stderr.write('\n*** The Ruby client of S3 is not installed: its tests do NOT run. apt-get install ruby-aws-sdk-s3 ***\n\n');
  return installed;
}

/** @param command - the program and what stands before its settings. */
export async function startPeer(command: readonly [string, ...string[]], { endpoint, accessKeyId, secretAccessKey }: Server, kmsEndpoint: string): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), 'enfold-peer-'));
  const [program, ...args] = command;
  const child = spawn(program, [...args, JSON.stringify({ endpoint, accessKeyId, secretAccessKey, kmsEndpoint })], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, LANG: 'C.UTF-8' } });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => { complaints += chunk.toString('utf8'); });
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${program} has ended: ${complaints}`);
    return JSON.parse(value) as Record<string, unknown>;
  };
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: answers come in the order of the requests. */
  const ask = async (request: object): Promise<PeerAnswer> => {
    const turn = last.then(async () => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return (await answer()) as unknown as PeerAnswer;
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  const version = String((await answer())['version']);
  return {
    version,
    async put(request, plaintext) {
      const file = join(directory, 'plaintext');
      writeFileSync(file, plaintext);
      const result = await ask({ act: 'put', place: 'metadata', ...request, file });
      if (!result.ok) throw new Error(`${program} could not write: ${result.error}: ${result.message}`);
    },
    get: async (request) => ask({ act: 'get', place: 'metadata', ...request }),
    async stop() {
      child.stdin.end();
      await closed;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** An answer that was read right. */
export const readAs = (plaintext: Buffer): PeerAnswer => ({ ok: true, sizeBytes: plaintext.length, sha256: createHash('sha256').update(plaintext).digest('hex') });

/** How it refused, or `read`. */
export const refusalOf = (answer: PeerAnswer): string => (answer.ok ? 'read' : `${answer.error}: ${answer.message}`);
