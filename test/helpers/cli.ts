/** The command line as users and scripts run it: a process of its own, with a home and secrets of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { IN_ANY_STORE } from './secrets.ts';

export type Ran = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly stdout: string; readonly stderr: string; readonly bytes: Buffer };
export type RunOptions = { readonly input?: string; /** A program, with its arguments, that is to start the command line. */ readonly through?: readonly string[]; readonly env?: Readonly<Record<string, string | undefined>>; readonly home?: string };
export type Server = { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string };

const entry = resolve('main/cli.ts');
// Each run would otherwise compile every module it loads: half the processor time of a short command.
const compileCache = resolve('node_modules/.cache/compiled');

/** One computer: an Enfold home in a scratch directory. */
export type Computer = {
  readonly home: string;
  spawn(args: readonly string[], options?: RunOptions): ChildProcess;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Standard output of a run that must end with 0. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** As `ok`, with --json. */
  json<T = Record<string, unknown>>(args: readonly string[], options?: RunOptions): Promise<T>;
  /** The code of the error that a run with --json must end with. */
  error(args: readonly string[], options?: RunOptions): Promise<{ exitCode: number | null; code: string; next: string; detail?: string; path?: string }>;
  connect(server: Server, name?: string): Promise<void>;
};

/**
 * @param program - the command line's entry: its source, or what is built from it.
 * @param secrets - the part of its environment that says where its secrets are.
 */
export function createComputer(scratch: string, name: string, { program = entry, secrets = IN_ANY_STORE }: { readonly program?: string; readonly secrets?: typeof IN_ANY_STORE } = {}): Computer {
  const home = join(scratch, name);
  const start = (args: readonly string[], { env, input, home: other, through = [] }: RunOptions = {}): ChildProcess => {
    const { ENFOLD_EXPORT_PASSPHRASE: _export, AWS_SECRET_ACCESS_KEY: _secret, AWS_ACCESS_KEY_ID: _id, ...inherited } = process.env;
    const [first = '', ...given] = [...through, process.execPath, program, ...args];
    const child = spawn(first, given, {
      env: { ...inherited, NODE_COMPILE_CACHE: compileCache, ENFOLD_HOME: other ?? home, ...secrets, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    if (input !== undefined) child.stdin?.end(input);
    return child;
  };
  const run = async (args: readonly string[], options?: RunOptions): Promise<Ran> => {
    const child = start(args, options);
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    return new Promise((done, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        const bytes = Buffer.concat(out);
        done({ code, signal, bytes, stdout: bytes.toString('utf8'), stderr: Buffer.concat(err).toString('utf8') });
      });
    });
  };
  const ok = async (args: readonly string[], options?: RunOptions): Promise<string> => {
    const { code, stdout, stderr } = await run(args, options);
    if (code !== 0) throw new Error(`enfold ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  };
  return {
    home, spawn: start, run, ok,
    json: async (args, options) => JSON.parse(await ok([...args, '--json'], options)),
    error: async (args, options) => {
      const { code, stderr, stdout } = await run([...args, '--json'], options);
      const line = stderr.trim().split('\n').findLast((text) => text.startsWith('{"error"'));
      if (line === undefined) throw new Error(`enfold ${args.join(' ')} ended with ${code} and no error: ${stderr}${stdout}`);
      return { exitCode: code, ...JSON.parse(line).error };
    },
    connect: async ({ endpoint, accessKeyId, secretAccessKey }, connection = 's3') => {
      await ok(['connection', 'add', connection, '--endpoint', endpoint, '--access-key', accessKeyId], { input: `${secretAccessKey}\n` });
    },
  };
}

export function makeScratch(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-cli-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
