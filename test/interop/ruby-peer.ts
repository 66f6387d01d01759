/** One process of the Ruby peer, which serves a whole suite: starting Ruby takes longer than most of the requests. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Place } from './objects.ts';

const program = fileURLToPath(new URL('peer.rb', import.meta.url));

/** `description` is the JSON text as Ruby is to write it. */
export type RubyKey = { readonly aes?: string; readonly rsa?: string; readonly description?: string };
export type RubyRequest = {
  readonly bucket: string;
  readonly objectKey: string;
  readonly place?: Place;
  readonly format?: 'v2' | 'v1';
  readonly keys?: readonly RubyKey[];
  readonly kms?: string;
  readonly context?: Readonly<Record<string, string>>;
};
export type RubyAnswer = { readonly ok: true; readonly sizeBytes?: number; readonly sha256?: string } | { readonly ok: false; readonly error: string; readonly message: string };

export type RubyPeer = {
  readonly version: string;
  /** Rejects where Ruby could not write. */
  put(request: RubyRequest, plaintext: Buffer): Promise<void>;
  /** What Ruby read, or how it refused. */
  get(request: RubyRequest): Promise<RubyAnswer>;
  stop(): Promise<void>;
};

export function isRubyPeerInstalled(): boolean {
  const installed = spawnSync('ruby', ['-e', 'require "aws-sdk-s3"']).status === 0;
  if (!installed && process.env['CI']) throw new Error('The Ruby client is not installed: run `npm run setup` (apt-get install ruby-aws-sdk-s3)');
  if (!installed) process.stderr.write('\n*** The Ruby client of S3 is not installed: its tests do NOT run. apt-get install ruby-aws-sdk-s3 ***\n\n');
  return installed;
}

export async function startRubyPeer(settings: { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string; readonly kmsEndpoint: string }): Promise<RubyPeer> {
  const directory = mkdtempSync(join(tmpdir(), 'enfold-ruby-'));
  const child = spawn('ruby', ['-W0', program, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, LANG: 'C.UTF-8' } });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => { complaints += chunk.toString('utf8'); });
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`The Ruby peer has ended: ${complaints}`);
    return JSON.parse(value) as Record<string, unknown>;
  };
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: answers come in the order of the requests. */
  const ask = async (request: object): Promise<RubyAnswer> => {
    const turn = last.then(async () => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return (await answer()) as unknown as RubyAnswer;
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
      if (!result.ok) throw new Error(`Ruby could not write: ${result.error}: ${result.message}`);
    },
    get: async (request) => ask({ act: 'get', place: 'metadata', ...request }),
    async stop() {
      child.stdin.end();
      await closed;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
