/** What cannot work is refused with a code, an exit code, and nothing changed on either side. */
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { IN_KEY_FILE } from '../helpers/secrets.ts';
import { fingerprintOf, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const computer = createComputer(scratch.dir, 'home', { secrets: IN_KEY_FILE });
let server: RunningStorage;
let root: string;
let count = 0;

const add = (local: string, remote: string, ...more: string[]): string[] => ['folder', 'add', local, '--remote', remote, '--connection', 's3', ...more];
const newRoot = (): string => {
  count += 1;
  const made = join(scratch.dir, `folder-${count}`);
  mkdirSync(made);
  writeAt(made, 'file.txt', `content ${count}`);
  return made;
};
/** Runs what must be refused, and proves that the local folder, the folder list and the bucket are as before. */
async function refused(args: readonly string[], local: string, code: string, options: { exitCode?: number; env?: Record<string, string> } = {}): Promise<void> {
  const before = [fingerprintOf(local), await computer.json(['folder', 'list']), await computer.json(['ls', '-r', 's3://failures', '--connection', 's3'])];
  expect(await computer.error(args, options.env === undefined ? {} : { env: options.env })).toMatchObject({ exitCode: options.exitCode ?? 1, code });
  expect([fingerprintOf(local), await computer.json(['folder', 'list']), await computer.json(['ls', '-r', 's3://failures', '--connection', 's3'])]).toEqual(before);
}

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
  await computer.connect(server);
  await computer.ok(['bucket', 'create', 's3://failures', '--connection', 's3']);
  await computer.ok(['key', 'new', 'family']);
  await computer.ok(['key', 'new', 'other']);
  root = newRoot();
  await computer.ok(add(root, 's3://failures/base', '--mode', 'cse-c', '--key', 'family'));
  await computer.ok(['sync']);
});
afterAll(async () => {
  await server.stop();
  scratch.remove();
});

describe('the sign-in and the server', () => {
  test('a wrong secret is told', async () => {
    await computer.connect({ ...server, secretAccessKey: 'not the secret' }, 'wrong-secret');
    expect(await computer.error(['connection', 'test', 'wrong-secret'])).toMatchObject({ exitCode: 1, code: 'sign-in-wrong' });
    const local = newRoot();
    await refused(['folder', 'add', local, '--remote', 's3://failures/x', '--connection', 'wrong-secret', '--mode', 'sse-s3'], local, 'sign-in-wrong');
  });

  test('a server that is not there is told', async () => {
    await computer.connect({ ...server, endpoint: 'http://127.0.0.1:9' }, 'nobody');
    expect(await computer.error(['connection', 'test', 'nobody'])).toMatchObject({ exitCode: 1, code: 'offline' });
  });

  test('a server that speaks no S3 is told', async () => {
    const web = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><h1>Hello</h1>'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const address = web.address();
    try {
      await computer.connect({ ...server, endpoint: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}` }, 'web');
      expect(await computer.error(['connection', 'test', 'web'])).toMatchObject({ exitCode: 1, code: 'not-s3' });
    } finally {
      web.close();
    }
  });

  test('a bucket that does not exist is not made unless asked for', async () => {
    const local = newRoot();
    await refused(add(local, 's3://no-such-bucket/x', '--mode', 'sse-s3'), local, 'bucket-not-found');
    expect(await computer.json(add(local, 's3://made-on-request/x', '--mode', 'sse-s3', '--create-bucket'))).toMatchObject({ joined: false });
  });

  test('a connection that a folder uses is not removed', async () => {
    expect(await computer.error(['connection', 'remove', 's3'])).toMatchObject({ exitCode: 1, code: 'connection-in-use' });
  });

  test('a secret is taken from the environment where standard input has none', async () => {
    await computer.ok(['connection', 'add', 'from-env', '--endpoint', server.endpoint, '--access-key', server.accessKeyId], { env: { AWS_SECRET_ACCESS_KEY: server.secretAccessKey } });
    expect(await computer.json(['connection', 'test', 'from-env'])).toMatchObject({ ok: true });
    expect(await computer.error(['connection', 'add', 'without', '--endpoint', server.endpoint, '--access-key', server.accessKeyId])).toMatchObject({ exitCode: 1, code: 'sign-in-missing' });
  });
});

describe('passphrases and keys', () => {
  test('a wrong or missing passphrase is told, and the key file stays as it is', async () => {
    const keyFile = readFileSync(join(computer.home, 'keys.age'));
    await refused(['sync'], root, 'passphrase-wrong', { env: { ENFOLD_PASSPHRASE: 'wrong' } });
    await refused(['sync'], root, 'passphrase-missing', { env: { ENFOLD_PASSPHRASE: '' } });
    expect(readFileSync(join(computer.home, 'keys.age')).equals(keyFile)).toBe(true);
  });

  test('a passphrase from a file descriptor counts for more than the environment', async () => {
    const file = join(scratch.dir, 'passphrase.txt');
    writeFileSync(file, 'a passphrase for tests\n');
    const ran = await computer.run(['sync', '--passphrase-fd', '5'], { env: { ENFOLD_PASSPHRASE: 'wrong' }, through: ['bash', '-c', 'exec "$@" 5< "$0"', file] });
    expect([ran.code, ran.stderr]).toEqual([0, '']);
  });

  test('joining with another master key is refused', async () => {
    const local = newRoot();
    const second = createComputer(scratch.dir, 'second-home');
    await second.connect(server);
    await second.ok(['key', 'new', 'family']);
    const before = fingerprintOf(local);
    expect(await second.error(add(local, 's3://failures/base', '--mode', 'cse-c', '--key', 'family'))).toMatchObject({ exitCode: 1, code: 'key-not-found' });
    expect(await second.error(add(local, 's3://failures/base'))).toMatchObject({ exitCode: 1, code: 'key-not-found' });
    expect(fingerprintOf(local)).toBe(before);
    expect(await second.json(['folder', 'list'])).toEqual([]);
  });

  test('a key that a folder needs is not removed, and an export replaces no file', async () => {
    expect(await computer.error(['key', 'remove', 'family'])).toMatchObject({ exitCode: 1, code: 'key-in-use' });
    const file = join(scratch.dir, 'precious.age');
    writeFileSync(file, 'precious');
    expect(await computer.error(['key', 'export', 'family', '--out', file])).toMatchObject({ exitCode: 1, code: 'target-exists' });
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  test('an exported key opens with its passphrase only; raw, hex and base64 keys are taken', async () => {
    const file = join(scratch.dir, 'exported.age');
    await computer.ok(['key', 'export', 'other', '--out', file], { env: { ENFOLD_EXPORT_PASSPHRASE: 'right' } });
    const third = createComputer(scratch.dir, 'third-home');
    expect(await third.error(['key', 'import', 'other', '--from', file], { env: { ENFOLD_EXPORT_PASSPHRASE: 'wrong' } })).toMatchObject({ exitCode: 1, code: 'passphrase-wrong' });
    await third.ok(['key', 'import', 'other', '--from', file], { env: { ENFOLD_EXPORT_PASSPHRASE: 'right' } });
    const [original] = (await computer.json<{ name: string; keyId: string }[]>(['key', 'list'])).filter((key) => key.name === 'other');
    expect(await third.json(['key', 'list'])).toMatchObject([{ name: 'other', keyId: original?.keyId }]);
    const raw = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7));
    const ids: string[] = [];
    for (const [name, text] of [['raw', raw], ['hex', raw.toString('hex')], ['base64', `${raw.toString('base64')}\n`]] as const) {
      writeFileSync(join(scratch.dir, name), text);
      ids.push((await third.json<{ keyId: string }>(['key', 'import', 'mine', '--from', join(scratch.dir, name)])).keyId);
    }
    expect(new Set(ids).size).toBe(1);
    writeFileSync(join(scratch.dir, 'short'), 'abcd');
    expect(await third.error(['key', 'import', 'short', '--from', join(scratch.dir, 'short')])).toMatchObject({ exitCode: 1, code: 'key-invalid' });
  });
});

describe('local folders', () => {
  test('one that is missing, is a file, or is nested is refused', async () => {
    const local = newRoot();
    await refused(add(join(local, 'missing'), 's3://failures/x', '--mode', 'sse-s3'), local, 'root-missing');
    await refused(add(join(local, 'file.txt'), 's3://failures/x', '--mode', 'sse-s3'), local, 'not-a-directory');
    mkdirSync(join(root, 'inside'));
    await refused(add(join(root, 'inside'), 's3://failures/x', '--mode', 'sse-s3'), root, 'root-nested');
    symlinkSync(join(root, 'inside'), join(scratch.dir, 'link'));
    await refused(add(join(scratch.dir, 'link'), 's3://failures/x', '--mode', 'sse-s3'), root, 'root-nested');
    rmSync(join(root, 'inside'), { recursive: true });
    expect([Object.keys(treeOf(local)), Object.keys(treeOf(root))]).toEqual([['file.txt'], ['file.txt']]);
  });

  test('the whole disk, the home directory and what holds the settings are refused', async () => {
    for (const local of ['/', homedir(), scratch.dir]) expect(await computer.error(add(local, 's3://failures/x', '--mode', 'sse-s3'))).toMatchObject({ exitCode: 1, code: expect.stringMatching(/^root-(unsuitable|nested)$/) });
  });

  test('one that cannot be read is refused', async () => {
    const local = newRoot();
    chmodSync(local, 0o000);
    try {
      // The administrator reads everything unless that power is dropped.
      const through = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search'] : [];
      expect(await computer.error(add(local, 's3://failures/x', '--mode', 'sse-s3'), { through })).toMatchObject({ exitCode: 1, code: 'root-unreadable' });
    } finally {
      chmodSync(local, 0o700);
    }
    expect(Object.keys(treeOf(local))).toEqual(['file.txt']);
  });

  test('a place in a bucket that another folder holds, or that lies inside one, is refused', async () => {
    const local = newRoot();
    await refused(add(local, 's3://failures/base', '--mode', 'cse-c', '--key', 'family'), local, 'prefix-taken');
    await refused(add(local, 's3://failures/base/below', '--mode', 'cse-c', '--key', 'family'), local, 'prefix-taken');
    const second = createComputer(scratch.dir, 'place-home');
    await second.connect(server);
    expect(await second.error(add(local, 's3://failures/base/below', '--mode', 'sse-s3'))).toMatchObject({ exitCode: 1, code: 'prefix-taken' });
  });

  test('modes without their keys and directions that do not exist are refused', async () => {
    const local = newRoot();
    await refused(add(local, 's3://failures/x', '--mode', 'cse-kms'), local, 'bad-usage');
    await refused(add(local, 's3://failures/x', '--mode', 'sse-c', '--key', 'nobody'), local, 'key-not-found');
    await refused(add(local, 's3://failures/x', '--mode', 'sse-s3', '--direction', 'sideways'), local, 'bad-usage');
    await refused(add(local, 's3://failures/x', '--mode', 'cse-c'), local, 'bad-usage');
    await refused(add(local, 's3://failures/x', '--mode', 'cse-c', '--key', 'nobody'), local, 'key-not-found');
    await refused(add(local, 's3://failures/x'), local, 'bad-usage');
    expect(Object.keys(treeOf(local))).toEqual(['file.txt']);
  });
});

describe('a folder that was in step', () => {
  test('whose disk is away, or whose place holds something else, deletes nothing', async () => {
    const local = newRoot();
    const { id } = await computer.json<{ id: string }>(add(local, 's3://failures/away', '--mode', 'sse-s3'));
    await computer.ok(['sync', id]);
    const objects = await computer.json(['ls', '-r', `${id}:`]);
    rmSync(local, { recursive: true });
    const missing = await computer.run(['sync', id, '--json']);
    expect(missing.code).toBe(2);
    expect(missing.stdout + missing.stderr).toContain('root-missing');
    mkdirSync(local);
    const foreign = await computer.run(['sync', id, '--json']);
    expect(foreign.code).toBe(2);
    expect(foreign.stdout + foreign.stderr).toContain('root-foreign');
    expect(await computer.json(['ls', '-r', `${id}:`])).toEqual(objects);
    await computer.ok(['folder', 'remove', id]);
  });

  test('whose description is gone from the bucket touches nothing', async () => {
    const local = newRoot();
    const { id } = await computer.json<{ id: string }>(add(local, 's3://failures/undescribed', '--mode', 'sse-s3'));
    await computer.ok(['sync', id]);
    await computer.ok(['rm', '-r', 's3://failures/undescribed', '--connection', 's3']);
    const before = treeOf(local);
    const ran = await computer.run(['sync', id, '--json']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('descriptor-missing');
    expect(treeOf(local)).toEqual(before);
    await computer.ok(['folder', 'remove', id]);
  });
});

describe('usage', () => {
  test('wrong usage exits 1 with one sentence and a code, and help exits 0', async () => {
    const { code, stderr, stdout } = await computer.run(['folder', 'add']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^enfold: The command was not understood: .*--remote.*\n {8}See --help\. \[bad-usage\]\n$/);
    expect((await computer.run(['folder', 'add', '--help'])).code).toBe(0);
    expect(await computer.error(['no-such-command'])).toMatchObject({ exitCode: 1, code: 'bad-usage' });
    expect(await computer.error(['sync', 'no-such-folder'])).toMatchObject({ exitCode: 1, code: 'no-such-folder' });
    expect(await computer.error(['cat', 's3://failures/x'])).toMatchObject({ exitCode: 1, code: 'bad-usage' });
  });

  test('folders are named by id, start of id, name or local path', async () => {
    const [folder] = await computer.json<{ id: string; name: string; localPath: string }[]>(['folder', 'list']);
    for (const wanted of [folder?.id, folder?.id.slice(0, 6), folder?.name, folder?.localPath]) expect(await computer.json(['folder', 'status', wanted ?? ''])).toMatchObject({ id: folder?.id, files: 1 });
  });
});
