/** The rights Enfold says an identity needs are enough for what it is to do, and for nothing else. */
import { CreateBucketCommand, PutBucketPolicyCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand, KMSClient, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { Enfold, Target } from '../../main/assembly/api.ts';
import type { Access } from '../../main/bucket/iam-policy.ts';
import type { Direction } from '../../main/model/action.ts';
import type { ModeId } from '../../main/model/mode.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createTarget, refusal, type Endpoint } from '../storage/target.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';

const signal = new AbortController().signal;

/** @param cases - which rights are tried in which modes. */
export function testLeastRights(cases: readonly (readonly [Access, ModeId])[]): void {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-rights-'));
  const keyFiles = { 'sse-c': join(scratch, 'sse-c.key'), 'cse-c': join(scratch, 'cse-c.key') };
  let storage: RunningStorage;
  let member: Endpoint;
  let kmsKey: string;
  const opened: Enfold[] = [];
  const kms = () => new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage });

  const openAs = async (name: string, { endpoint, accessKeyId, secretAccessKey }: Endpoint): Promise<Enfold> => {
    const enfold = await openEnfold({ home: join(scratch, name), env: IN_ANY_STORE });
    opened.push(enfold);
    await enfold.connections.add({ kind: 's3', name: 's3', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
    await enfold.keys.importFrom({ name: 'sse-c', file: keyFiles['sse-c'], passphrase: null, type: 'sse-c' });
    await enfold.keys.importFrom({ name: 'cse-c', file: keyFiles['cse-c'], passphrase: null, type: 'aes' });
    return enfold;
  };

  let owner: Enfold;
  let guest: Enfold;
  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch, 'storage') });
    for (const file of Object.values(keyFiles)) writeFileSync(file, randomBytes(32));
    member = { endpoint: storage.endpoint, ...(await storage.addAccessKey('member', false)) };
    kmsKey = (await kms().send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
    owner = await openAs('owner', storage);
    guest = await openAs('guest', member);
  });
  afterAll(async () => {
    for (const enfold of opened) await enfold.close();
    await storage.stop();
    rmSync(scratch, { recursive: true });
  });

  /** An identity policy as this storage can have it: the bucket's and the key's, for that identity. It decides KMS without conditions. */
  const grant = async (bucket: string, mode: ModeId, access: Access): Promise<void> => {
    const place = { connection: 's3', bucket, prefix: 'team/' };
    const { Statement } = await owner.buckets.iamPolicy(place, { mode, kmsKeyId: mode.endsWith('kms') ? kmsKey : null, dsse: false }, access, signal);
    const Principal = { AWS: 'arn:aws:iam::000000000000:user/member' };
    const ofKms = Statement.filter(({ Action }) => JSON.stringify(Action).includes('kms:'));
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: Statement.filter((statement) => !ofKms.includes(statement)).map((statement) => ({ ...statement, Principal })) });
    await createTarget(storage).client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    const own = { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'kms:*', Resource: '*' };
    const keyPolicy = JSON.stringify({ Version: '2012-10-17', Statement: [own, ...ofKms.map(({ Action, Effect }) => ({ Effect, Action, Resource: '*', Principal }))] });
    await kms().send(new PutKeyPolicyCommand({ KeyId: kmsKey, Policy: keyPolicy }));
  };

  const keysOf = (mode: ModeId) => ({ key: mode === 'sse-c' || mode === 'cse-c' ? mode : null, kmsKeyId: mode.endsWith('kms') ? kmsKey : null });
  const folderOf = async (enfold: Enfold, name: string, bucket: string, mode: ModeId, direction: Direction): Promise<{ root: string; sync: () => Promise<void> }> => {
    const root = join(scratch, name);
    mkdirSync(root);
    const { folder } = await enfold.folders.add({
      localPath: root, connection: 's3', bucket, prefix: 'team/', mode, ...keysOf(mode), names: 'readable', direction, createBucket: false,
    });
    return {
      root,
      sync: async () => {
        const open = await enfold.folders.open(folder.id);
        try {
          expect(await open.sync({ acceptHeld: false, signal })).toMatchObject({ inStep: true, failed: [] });
        } finally {
          await open.close();
        }
      },
    };
  };

  const textOf = (file: string): string | null => (existsSync(file) ? readFileSync(file, 'utf8') : null);
  const readAsGuest = async (bucket: string, mode: ModeId): Promise<Record<string, string | null>> => {
    const own = join(scratch, `guest-${mode}`);
    const target: Target = { type: 'object', connection: 's3', bucket, objectKey: 'team/from owner.txt', mode, ...keysOf(mode) };
    await guest.files.get(target, own, signal);
    return { 'from owner.txt': textOf(own), 'from member.txt': null };
  };
  /** What the guest gets of the owner's, and the owner of the guest's. */
  const syncAsGuest = async (bucket: string, mode: ModeId, direction: Direction, theirs: { root: string; sync: () => Promise<void> }): Promise<Record<string, string | null>> => {
    const own = await folderOf(guest, `guest-${direction}-${mode}`, bucket, mode, direction);
    writeFileSync(join(own.root, 'from member.txt'), 'by the member');
    await own.sync();
    await theirs.sync();
    return { 'from owner.txt': textOf(join(own.root, 'from owner.txt')), 'from member.txt': textOf(join(theirs.root, 'from member.txt')) };
  };

  test.each(cases)('least rights to %s are enough for a folder in %s, and end there', async (access, mode) => {
    const bucket = `rights-${access}-${mode}`;
    const root = createTarget(storage);
    await root.client.send(new CreateBucketCommand({ Bucket: bucket }));
    const theirs = await folderOf(owner, `owner-${access}-${mode}`, bucket, mode, 'two-way');
    writeFileSync(join(theirs.root, 'from owner.txt'), 'by the owner');
    await theirs.sync();

    await grant(bucket, mode, access);
    const read = access === 'read' ? await readAsGuest(bucket, mode) : await syncAsGuest(bucket, mode, access === 'write' ? 'upload' : 'two-way', theirs);
    expect(read).toEqual({ 'from owner.txt': access === 'write' ? null : 'by the owner', 'from member.txt': access === 'read' ? null : 'by the member' });

    const { client } = createTarget(member);
    const put = (Key: string) => refusal(client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' })));
    expect(await put('elsewhere')).toEqual({ code: 'AccessDenied', status: 403 });
    expect((await put('team/x')).code).toBe(access === 'read' ? 'AccessDenied' : 'accepted');
    const { status } = await createTarget(member).raw(`/${bucket}/team/from owner.txt`);
    expect(status === 403).toBe(access === 'write');
    const tags = await createTarget(member).raw(`/${bucket}/team/from owner.txt`, { query: [['tagging', '']] });
    expect(tags.status).toBe(access === 'both' ? 200 : 403);
    expect(await createTarget(member).raw(`/${bucket}`, { query: [['policy', '']] })).toMatchObject({ status: 403 });
  });
}
