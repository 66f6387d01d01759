/** What `explain` says is so: its commands are run, as they are printed, and read the content. */
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold, Target } from '../../main/assembly/api.ts';
import type { Explained } from '../../main/assembly/explain.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { shellWord } from '../../main/bucket/explain.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { answerTo } from '../helpers/answer.ts';
import { isAwsInstalled } from '../helpers/aws-shell.ts';
import { isRubyPeerInstalled } from '../interop/peer.ts';
import { createTarget } from '../storage/target.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;

describe('explain', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-explain-'));
  let storage: RunningStorage;
  let enfold: Enfold;
  let kmsKey: string;
  let env: NodeJS.ProcessEnv;
  const objectKey = 'a b/"quoted" $(touch x) \'é\'.txt';
  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch, 'storage') });
    await createTarget(storage).client.send(new CreateBucketCommand({ Bucket: 'explained' }));
    kmsKey = (await new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage }).send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
    enfold = await openEnfold({ home: join(scratch, 'home'), env: IN_ANY_STORE });
    await enfold.connections.add({ kind: 's3', name: 's3', endpoint: storage.endpoint, region: 'us-east-1', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey });
    for (const [name, type] of [['customer', 'sse-c'], ['master', 'aes']] as const) {
      writeFileSync(join(scratch, `${name}.key`), randomBytes(32));
      await enfold.keys.importFrom({ name, file: join(scratch, `${name}.key`), passphrase: null, type });
    }
    writeFileSync(join(scratch, 'plain'), 'the content');
    symlinkSync(resolve('node_modules'), join(scratch, 'node_modules'));
    const { AWS_CA_BUNDLE: _unused, ...rest } = process.env;
    env = { ...rest, HOME: scratch, PATH: `/usr/bin:${process.env['PATH'] ?? ''}`, LANG: 'C.UTF-8', AWS_ACCESS_KEY_ID: storage.accessKeyId, AWS_SECRET_ACCESS_KEY: storage.secretAccessKey, AWS_EC2_METADATA_DISABLED: 'true' };
  });
  afterAll(async () => {
    await enfold.close();
    await storage.stop();
    rmSync(scratch, { recursive: true });
  });

  const put = async (more: Partial<Extract<Target, { type: 'object' }>>): Promise<Explained> => {
    const target: Target = { type: 'object', connection: 's3', bucket: 'explained', objectKey, mode: null, key: null, ...more };
    await enfold.files.put(join(scratch, 'plain'), target, signal);
    return enfold.explain({ ...target, key: null, kmsKeyId: null, mode: null }, signal);
  };
  const linesOf = (explained: Explained, tool: string): readonly string[] => explained.commands.find((command) => command.tool === tool)?.lines ?? [];
  const byNode = async (explained: Explained): Promise<string> => {
    writeFileSync(join(scratch, 'read.mjs'), [...linesOf(explained, 'AWS SDK for JavaScript'), 'process.stdout.write(await Body.transformToByteArray());'].join('\n'));
    return (await run(process.execPath, ['read.mjs'], { cwd: scratch, env })).stdout;
  };
  const byShell = async (explained: Explained): Promise<string> => {
    await run('bash', ['-c', linesOf(explained, 'AWS command line').join('\n')], { cwd: scratch, env });
    return readFileSync(join(scratch, 'content.bin'), 'utf8');
  };

  test.each([
    ['sse-s3', {}, 'SSE-S3', null], ['sse-kms', { kms: true }, 'SSE-KMS', null], ['sse-c', { key: 'customer' }, 'SSE-C', 'customer'],
  ] as const)('prints commands for %s that read the content', async (mode, more, protection, localKey) => {
    const explained = await put({ mode, key: 'key' in more ? more.key : null, kmsKeyId: 'kms' in more ? kmsKey : null });
    expect(explained).toMatchObject({ protection, localKey, envelope: null });
    expect(explained.words.join(' ')).toContain(protection);
    expect(explained.keyName?.includes(kmsKey) ?? false).toBe(mode === 'sse-kms');
    expect(await byNode(explained)).toBe('the content');
    expect(!isAwsInstalled() || (await byShell(explained)) === 'the content').toBe(true);
  });

  test.each(['v3', 'v2'] as const)('says for client-side %s which key opens it, and that other commands get it encrypted', async (format) => {
    const explained = await put({ mode: 'cse-c', key: 'master', format });
    expect(explained).toMatchObject({ protection: 'SSE-S3', localKey: 'master', envelope: { format, wrappedBy: 'own key' } });
    expect(await byNode(explained)).not.toContain('the content');
    expect(explained.commands.find(({ tool }) => tool === 'AWS SDK for JavaScript')?.note).toContain('still encrypted');
    const ruby = linesOf(explained, 'AWS SDK for Ruby');
    expect(ruby.join('\n')).toContain(format === 'v3' ? 'EncryptionV3' : 'EncryptionV2');
    // Debian's Ruby client reads V2 only.
    const content = format === 'v2' && isRubyPeerInstalled() ? (await run('ruby', ['-W0', '-e', [...ruby, 'print content'].join('\n')], { cwd: scratch, env })).stdout : 'the content';
    expect(content).toBe('the content');
    const own = linesOf(explained, 'Enfold');
    expect(own).toEqual([`enfold get ${shellWord(`s3://explained/${objectKey}`)} --connection s3 --key master --out content.bin`]);
  });

  test('says what is not there', async () => {
    const target: Target = { type: 'object', connection: 's3', bucket: 'explained', objectKey: 'missing', mode: null, key: null };
    expect(await answerTo(enfold.explain(target, signal))).toBe('no-such-path');
    expect(await answerTo(enfold.explain({ ...target, objectKey: '' }, signal))).toBe('bad-usage');
  });
});
