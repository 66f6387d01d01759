/** Where secrets come in: a file descriptor, standard input, the environment, or a question on the terminal. Never an argument. */
import { fstatSync, readFileSync } from 'node:fs';
import { SyncError } from '../model/errors.ts';

const stripNewline = (text: string): string => text.replace(/\r?\n$/, '');

/** Reads a passphrase, up to the end of the file or pipe, from an open descriptor. @throws SyncError bad-usage */
export function readPassphraseFd(descriptor: string): string {
  if (!/^[0-9]{1,5}$/.test(descriptor)) throw new SyncError('bad-usage', { detail: '--passphrase-fd takes the number of an open file descriptor' });
  let text: string;
  try {
    text = readFileSync(Number(descriptor), 'utf8');
  } catch (error) {
    throw new SyncError('bad-usage', { detail: `nothing can be read from file descriptor ${descriptor}` }, { cause: error });
  }
  if (stripNewline(text) === '') throw new SyncError('passphrase-missing', { detail: `file descriptor ${descriptor} gave nothing` });
  return stripNewline(text);
}

/** True where somebody can be asked. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks on the terminal without showing what is typed. */
export async function askHidden(question: string): Promise<string> {
  const { createInterface } = await import('node:readline');
  const { Writable } = await import('node:stream');
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once('close', () => reject(new SyncError('passphrase-missing')));
      reader.once('SIGINT', () => reject(new SyncError('passphrase-missing')));
      reader.question('', resolve);
    });
  } finally {
    reader.removeAllListeners('close');
    reader.close();
    process.stderr.write('\n');
  }
}

/** Twice, until both are equal. */
export async function askNewPassphrase(question: string): Promise<string> {
  for (;;) {
    const first = await askHidden(`${question}: `);
    if (first.length < 8) {
      process.stderr.write('At least 8 characters.\n');
      continue;
    }
    if ((await askHidden('The same again: ')) === first) return first;
    process.stderr.write('They differ.\n');
  }
}

/** How long an open but silent pipe is waited for when the environment has the secret as well. */
const SILENT_PIPE_MS = 1000;

/**
 * The secret of an access key: standard input if something is there, else AWS_SECRET_ACCESS_KEY, else asked for.
 *
 * @throws SyncError sign-in-missing
 */
export async function readSecretAccessKey(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const fromEnvironment = env['AWS_SECRET_ACCESS_KEY'] ?? '';
  if (isInteractive()) return fromEnvironment || (await askHidden('Secret access key: ')).trim();
  const given = (await readStandardInput(fromEnvironment === '' ? null : SILENT_PIPE_MS)).trim();
  if (given !== '') return given;
  if (fromEnvironment !== '') return fromEnvironment;
  throw new SyncError('sign-in-missing', { detail: 'the secret of the access key goes to standard input or into AWS_SECRET_ACCESS_KEY' });
}

/** All of standard input, or '' where nothing can come. @param silentMs - how long a silent pipe is waited for; null: until it ends. */
export async function readStandardInput(silentMs: number | null): Promise<string> {
  let kind: ReturnType<typeof fstatSync>;
  try {
    kind = fstatSync(0);
  } catch {
    return ''; // closed
  }
  if (!kind.isFile() && !kind.isFIFO() && !kind.isSocket()) return '';
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const finish = (): void => {
      clearTimeout(timer);
      process.stdin.destroy();
      resolve(Buffer.concat(chunks).toString('utf8'));
    };
    const timer = silentMs === null ? undefined : setTimeout(finish, silentMs);
    process.stdin.on('data', (chunk: Buffer) => {
      clearTimeout(timer);
      chunks.push(chunk);
    });
    process.stdin.once('end', finish);
    process.stdin.once('error', reject);
  });
}
