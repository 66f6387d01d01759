/** The window's requests about buckets, asked of the engine's half of the contract: what is applied is what was shown, and long work tells how far it is and can be stopped. */
import { CreateBucketCommand, GetBucketPolicyCommand, HeadObjectCommand, PutBucketPolicyCommand, PutObjectCommand, PutPublicAccessBlockCommand } from '@aws-sdk/client-s3';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { createEngineService, type EngineService } from '../../main/assembly/service.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import type { EngineRequest, Events, RequestAnswer, RequestInput } from '../../preload/contract.ts';
import { createTarget, type Target } from '../storage/target.ts';

const OBJECTS = 1_020;

describe('the window\'s requests about buckets', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-bucket-requests-'));
  let storage: RunningStorage;
  let target: Target;
  let enfold: Enfold;
  let service: EngineService;
  let connectionId: string;
  let progress: Events['scan'][] = [];
  let onProgress: (event: Events['scan']) => void = () => undefined;

  const must = async <N extends EngineRequest>(name: N, input: RequestInput<N>): Promise<RequestAnswer<N>> => {
    const answer = await service.answer(name, input);
    if (!answer.ok) throw new Error(`${name}: ${answer.error.code} ${answer.error.about.detail ?? ''}`);
    return answer.value as RequestAnswer<N>;
  };
  const errorOf = async (name: EngineRequest, input: unknown): Promise<string> => {
    const answer = await service.answer(name, input);
    return answer.ok ? 'answered' : answer.error.code;
  };
  const placeIn = (bucket: string, mode: 'sse-s3' | 'sse-kms' | null = null) => ({ connectionId, bucket, prefix: 'team/', wish: mode === null ? null : { mode, kmsKeyId: null } });
  const make = async (Bucket: string): Promise<void> => void (await target.client.send(new CreateBucketCommand({ Bucket })));
  const settingsOf = async (bucket: string): Promise<string[]> => Promise.all(['policy', 'publicAccessBlock', 'lifecycle'].map(async (name) => {
    const { status, body } = await target.raw(`/${bucket}`, { query: [[name, '']] });
    return status === 200 ? body.toString('utf8') : String(status);
  }));

  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch, 'storage') });
    target = createTarget(storage);
    enfold = await openEnfold({ home: join(scratch, 'home'), env: { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'a passphrase' } });
    connectionId = (await enfold.connections.add({ kind: 's3', name: 's3', endpoint: storage.endpoint, region: 'us-east-1', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey })).id;
    service = createEngineService(enfold, (name, payload) => {
      if (name !== 'scan') return;
      progress.push(payload as Events['scan']);
      onProgress(payload as Events['scan']);
    });
  });
  afterAll(async () => {
    await service.close();
    await enfold.close();
    await storage.stop();
    rmSync(scratch, { recursive: true });
  });

  test('a finding is mended exactly as it was shown, and taken back byte for byte', async () => {
    await make('found');
    await target.client.send(new PutPublicAccessBlockCommand({ Bucket: 'found', PublicAccessBlockConfiguration: { BlockPublicAcls: true } }));
    const before = await settingsOf('found');
    const place = placeIn('found', 'sse-s3');
    const { findings } = await must('buckets.examine', place);
    expect(findings.find(({ id }) => id === 'public-access')).toMatchObject({ severity: 'critical', fix: { isOptional: false } });
    const shown = await must('buckets.previewFix', { ...place, finding: 'public-access' });
    if (shown === null) throw new Error('nothing to mend');
    expect(shown).toMatchObject({ call: 'PutPublicAccessBlock', before: { BlockPublicAcls: true }, after: { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true } });
    expect(await settingsOf('found')).toEqual(before);

    expect(await errorOf('buckets.applyFix', { ...place, finding: 'public-access', token: '0'.repeat(64) })).toBe('configuration-changed');
    expect(await errorOf('buckets.applyFix', { ...place, finding: 'stale-uploads', token: shown.token })).toBe('configuration-changed');
    expect(await settingsOf('found')).toEqual(before);
    const { changeId } = await must('buckets.applyFix', { ...place, finding: 'public-access', token: shown.token });
    expect((await must('buckets.examine', place)).findings.find(({ id }) => id === 'public-access')?.severity).toBe('good');
    expect(await must('buckets.previewFix', { ...place, finding: 'public-access' })).toBeNull();
    expect(await must('buckets.changes', place)).toMatchObject([{ id: changeId, call: 'PutPublicAccessBlock' }]);
    expect(await must('buckets.undo', { ...place, changeId })).toEqual({ isWhole: true });
    expect(await settingsOf('found')).toEqual(before);
    expect(await errorOf('buckets.undo', { ...place, changeId })).toBe('bad-usage');
  });

  test('a policy is put as it was shown, proved, and refused where somebody changed the bucket after it was shown', async () => {
    await make('ruled');
    const place = placeIn('ruled', 'sse-s3');
    const stale = await must('buckets.previewPolicy', place);
    const theirs = { Sid: 'Theirs', Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::ruled/never/*' };
    await target.client.send(new PutBucketPolicyCommand({ Bucket: 'ruled', Policy: JSON.stringify({ Version: '2012-10-17', Statement: [theirs] }) }));
    expect(await errorOf('buckets.applyPolicy', { ...place, token: stale.token })).toBe('configuration-changed');
    const shown = await must('buckets.previewPolicy', place);
    expect(shown.token).not.toBe(stale.token);
    await must('buckets.applyPolicy', { ...place, token: shown.token ?? '' });
    expect(JSON.parse((await target.client.send(new GetBucketPolicyCommand({ Bucket: 'ruled' }))).Policy ?? '')).toEqual(shown.after);
    expect((shown.after as { Statement: unknown[] }).Statement).toContainEqual(theirs);
    expect(await must('buckets.previewPolicy', place)).toMatchObject({ token: null, call: null });
    const proof = await must('buckets.provePolicy', place);
    expect(proof).toMatchObject({ isProven: true, leftBehind: [] });
    expect(proof.probes.map(({ expected }) => expected)).toEqual(expect.arrayContaining(['allowed', 'refused']));
    expect(await errorOf('buckets.provePolicy', placeIn('ruled'))).toBe('bad-usage');
    expect(await errorOf('buckets.iamPolicy', { ...placeIn('ruled'), access: 'read' })).toBe('bad-usage');
    expect(JSON.stringify(await must('buckets.iamPolicy', { ...place, access: 'read' }))).not.toContain('s3:PutObject');
    const away = await must('buckets.previewPolicy', placeIn('ruled'));
    await must('buckets.applyPolicy', { ...placeIn('ruled'), token: away.token ?? '' });
    expect(JSON.parse((await target.client.send(new GetBucketPolicyCommand({ Bucket: 'ruled' }))).Policy ?? '')).toEqual({ Version: '2012-10-17', Statement: [theirs] });
  });

  test('a scan tells how far it is, is stopped, goes on, writes its report, and mends a selection, then the rest', async () => {
    await make('scanned');
    await Promise.all(Array.from({ length: 24 }, async (_, worker) => {
      for (let index = worker; index < OBJECTS; index += 24) await target.client.send(new PutObjectCommand({ Bucket: 'scanned', Key: `team/${String(index).padStart(5, '0')}`, Body: 'x', ...(index % 10 === 0 && { ServerSideEncryption: 'aws:kms' }) }));
    }));
    const place = placeIn('scanned', 'sse-s3');
    const report = join(scratch, 'report.csv');
    const stop = async (): Promise<unknown> => must('buckets.stop', { connectionId, bucket: 'scanned', prefix: 'team/' });

    // Stopped after its first page, and a second one meanwhile is refused.
    const second: Promise<string>[] = [];
    onProgress = () => {
      second.push(errorOf('buckets.scan', { ...place, isResumed: true, reports: [] }));
      void stop();
    };
    expect(await must('buckets.scan', { ...place, isResumed: false, reports: [report] })).toBeNull();
    expect(await Promise.all(second)).toEqual(['folder-busy']);
    expect(progress).toEqual([{ connectionId, bucket: 'scanned', prefix: 'team/', objects: 1_000, wrong: 100, mended: null }]);
    onProgress = () => undefined;
    progress = [];

    expect(await must('buckets.scan', { ...place, isResumed: true, reports: [report] })).toMatchObject({ wrong: 102, unknown: 0, estimate: { objects: 102 } });
    expect(progress.map(({ objects }) => objects)).toEqual([OBJECTS]);
    expect(readFileSync(report, 'utf8').trim().split('\r\n')).toHaveLength(OBJECTS + 1);
    // A report never replaces a file, and that is found before the work.
    expect(await errorOf('buckets.scan', { ...place, isResumed: false, reports: [report] })).toBe('target-exists');

    expect(await must('buckets.mend', { ...place, only: ['team/00000', 'team/00001'] })).toMatchObject({ fixed: 1, skipped: 0, failed: 0 });
    const headOf = async (Key: string): Promise<string | undefined> => (await target.client.send(new HeadObjectCommand({ Bucket: 'scanned', Key }))).ServerSideEncryption;
    expect([await headOf('team/00000'), await headOf('team/00010')]).toEqual(['AES256', 'aws:kms']);
    progress = [];
    onProgress = () => void stop();
    expect(await must('buckets.mend', { ...place, only: null })).toBeNull();
    onProgress = () => undefined;
    expect(progress).toMatchObject([{ objects: OBJECTS, wrong: 102, mended: 50 }]);
    expect(await must('buckets.mend', { ...place, only: null })).toMatchObject({ fixed: 102, failed: 0 });
    expect(await must('buckets.scan', { ...place, isResumed: false, reports: [] })).toMatchObject({ wrong: 0, unknown: 0, examples: [] });
    // Nothing runs, so nothing is stopped.
    expect(await stop()).toBeNull();
  });

  test.each([
    ['another field', 'buckets.examine', { colour: 'red' }], ['a prefix that is no directory', 'buckets.examine', { prefix: 'team' }], ['a report at no absolute path', 'buckets.scan', { isResumed: false, reports: ['report.csv'] }],
    ['four reports', 'buckets.scan', { isResumed: false, reports: ['/a.csv', '/b.csv', '/c.csv', '/d.csv'] }], ['a report of another kind', 'buckets.scan', { isResumed: false, reports: ['/tmp/report.pdf'] }], ['a finding that is none', 'buckets.previewFix', { finding: 'weather' }],
    ['a token that is none', 'buckets.applyPolicy', { token: 'yes' }], ['a mode that is none', 'buckets.previewPolicy', { wish: { mode: 'rot13', kmsKeyId: null } }], ['a KMS key for a mode without', 'buckets.previewPolicy', { wish: { mode: 'sse-s3', kmsKeyId: 'alias/a' } }],
  ] as const)('refuses %s', async (_what, name, change) => {
    expect(await errorOf(name, { ...placeIn('found'), ...change })).toBe('bad-usage');
  });
});
