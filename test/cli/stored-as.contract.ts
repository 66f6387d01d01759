/** What a server holds of a folder in each mode, as the AWS command line sees it: kept as the mode says, read with the right key, and not without. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createComputer, makeScratch, type Server } from '../helpers/cli.ts';
import { makeMixedTree, treeOf, writeAt } from '../helpers/tree.ts';

export type StoredCase = {
  readonly what: string;
  /** What `folder add` is told of mode and key; `--key family` names the key that is made. */
  readonly args: readonly string[];
  readonly keyType?: 'aes' | 'rsa' | 'sse-c';
  /** What HEAD answers. */
  readonly head: Readonly<Record<string, unknown>>;
  /** What anybody who may read the bucket gets. */
  readonly anybody: 'content' | 'ciphertext' | 'refused';
  /** Takes the KMS key away; the answer gives it back. */
  readonly withholdKey?: () => Promise<() => Promise<void>>;
};

const AWS = '/usr/bin/aws';
const BUCKET = 'stored-as';

export function testStoredAs(serverName: string, cases: readonly StoredCase[], getServer: () => Server): void {
  const scratch = makeScratch();
  const first = createComputer(scratch.dir, 'stored-home-1');
  const second = createComputer(scratch.dir, 'stored-home-2');
  const at = (name: string): string => join(scratch.dir, name);

  /** Null where the command was refused. */
  async function aws(...args: string[]): Promise<string | null> {
    const { endpoint, accessKeyId, secretAccessKey } = getServer();
    const env = { PATH: '/usr/bin:/bin', HOME: scratch.dir, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_DEFAULT_REGION: 'us-east-1', AWS_MAX_ATTEMPTS: '1' };
    return new Promise((done) => {
      execFile(AWS, ['--endpoint-url', endpoint, '--output', 'json', 's3api', ...args], { env }, (error, stdout) => done(error === null ? stdout : null));
    });
  }
  const read = async (objectKey: string, ...options: string[]): Promise<Buffer | null> => {
    rmSync(at('read'), { force: true });
    return (await aws('get-object', '--bucket', BUCKET, '--key', objectKey, ...options, at('read'))) === null ? null : readFileSync(at('read'));
  };
  const hasContent = (bytes: Buffer | null, content: Buffer): 'content' | 'ciphertext' | 'refused' => (bytes === null ? 'refused' : bytes.equals(content) ? 'content' : 'ciphertext');

  describe(`folders on ${serverName}`, () => {
    beforeAll(async () => {
      for (const computer of [first, second]) await computer.connect(getServer());
      await first.ok(['bucket', 'create', `s3://${BUCKET}`, '--connection', 's3']);
    });
    afterAll(() => scratch.remove());

    test.each(cases)('$what: arrive whole at a second computer, and are kept as the mode says', async ({ what, args, keyType, head, anybody, withholdKey }) => {
      const place = what.replaceAll(/[^a-z0-9]+/gi, '-');
      const [a, b] = [at(`a-${place}`), at(`b-${place}`)];
      for (const root of [a, b]) mkdirSync(root);
      makeMixedTree(a, 30, place);
      const content = Buffer.from(`what only the right key may show, ${place}`);
      writeAt(a, 'secret.txt', content);
      const keyName = `key-${place}`;
      const keyFile = at(`${place}.key`);
      if (keyType !== undefined) {
        writeFileSync(keyFile, keyType === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) : randomBytes(32));
        for (const computer of [first, second]) await computer.ok(['key', 'import', keyName, '--from', keyFile, '--type', keyType]);
      }
      const remote = `s3://${BUCKET}/${place}`;
      const given = args.map((arg) => (arg === 'family' ? keyName : arg));
      const { id } = await first.json<{ id: string }>(['folder', 'add', a, '--remote', remote, '--connection', 's3', '--names', 'readable', ...given]);
      expect(await first.json(['sync', id])).toMatchObject({ inStep: true });
      await second.ok(['folder', 'add', b, '--remote', remote, '--connection', 's3']);
      expect(await second.json(['sync', id])).toMatchObject({ inStep: true });
      expect(treeOf(b)).toEqual(treeOf(a));
      // Where S3 keeps no hash for a HEAD to tell, the second sync must not take every file for changed.
      expect(await first.json(['sync', id])).toMatchObject({ inStep: true, folders: [{ counts: { upload: 0, download: 0, 'keep-both': 0 }, conflictCopies: [] }] });
      expect(await second.json(['verify', id])).toMatchObject({ ok: true, failed: [], foreign: [] });

      const objectKey = `${place}/secret.txt`;
      const withKey = keyType === 'sse-c' ? ['--sse-customer-algorithm', 'AES256', '--sse-customer-key', `fileb://${keyFile}`] : [];
      writeFileSync(at('another.key'), randomBytes(32));
      const withAnother = keyType === 'sse-c' ? await read(objectKey, '--sse-customer-algorithm', 'AES256', '--sse-customer-key', `fileb://${at('another.key')}`) : null;
      expect(withAnother).toBeNull();
      expect(JSON.parse((await aws('head-object', '--bucket', BUCKET, '--key', objectKey, ...withKey)) ?? '{}')).toMatchObject(head);
      expect(hasContent(await read(objectKey), content)).toBe(anybody);
      expect(hasContent(await read(objectKey, ...withKey), content)).toBe(keyType === 'sse-c' ? 'content' : anybody);
      if (withholdKey === undefined) return;
      const giveBack = await withholdKey();
      try {
        expect(hasContent(await read(objectKey), content)).toBe(anybody === 'content' ? 'refused' : anybody);
        writeAt(a, 'secret.txt', 'edited while the key was away');
        const failed = await first.run(['sync', id, '--json']);
        expect({ code: failed.code, said: /kms-key-unusable/.test(failed.stdout + failed.stderr) }).toEqual({ code: 2, said: true });
      } finally {
        await giveBack();
      }
      expect(await first.json(['sync', id])).toMatchObject({ inStep: true });
      expect(await second.json(['sync', id])).toMatchObject({ inStep: true });
      expect(treeOf(b)).toEqual(treeOf(a));
    });
  });
}
