/** Policies are merged by Sid: what Enfold did not write, or what was edited since, stays. */
import { describe, expect, test } from 'vitest';
import { modeStatements, type PolicyMode } from '../../main/bucket/mode-policy.ts';
import { isSamePolicy, mergeStatements, originOf, parsePolicyDocument, withSid, type PolicyDocument } from '../../main/bucket/policy-document.ts';
import { answerOf } from '../helpers/answer.ts';

const place = { bucket: 'photos', prefix: 'family/' };
const other = { Sid: 'Mine', Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: ['s3:GetObject'], Resource: 'arn:aws:s3:::photos/*' } as const;
const policyOf = (...statements: PolicyDocument['Statement'][number][]): PolicyDocument => ({ Version: '2012-10-17', Id: 'kept', Statement: statements });
const sseS3 = modeStatements(place, { id: 'sse-s3' }, true);
const sseC = modeStatements(place, { id: 'sse-c' }, true);

describe('merging a policy', () => {
  test('puts statements behind those that are there, and changes neither their text nor their order', () => {
    const unnamed = { Effect: 'Deny', Principal: '*', Action: 's3:DeleteBucket', Resource: 'arn:aws:s3:::photos' } as const;
    expect(mergeStatements(policyOf(other, unnamed), 'family/', sseS3)).toEqual({ Version: '2012-10-17', Id: 'kept', Statement: [other, unnamed, ...sseS3] });
  });
  test('replaces what it wrote for the same place, and leaves what it wrote for another', () => {
    const elsewhere = modeStatements({ ...place, prefix: 'work/' }, { id: 'sse-s3' }, true);
    expect(mergeStatements(policyOf(...elsewhere, other, ...sseS3), 'family/', sseC)).toEqual(policyOf(...elsewhere, other, ...sseC));
  });
  test('answers nothing where nothing is left', () => {
    expect(mergeStatements(policyOf(...sseS3), 'family/', [])).toBeNull();
    expect(mergeStatements(policyOf(other, ...sseS3), 'family/', [])).toEqual(policyOf(other));
  });
  test('knows its statements when AWS gives them back in another form', () => {
    const [first] = sseS3;
    if (first === undefined) throw new Error('no statement');
    const returned = { Condition: { Null: { 's3:x-amz-server-side-encryption': ['true'] } }, Resource: [first.Resource as string], Action: ['s3:PutObject'], Principal: '*', Effect: 'Deny', Sid: first.Sid ?? '' } as const;
    expect(originOf(returned, 'family/')).toBe('ours');
    expect(isSamePolicy(policyOf(returned), policyOf(first))).toBe(true);
  });
  test('refuses to replace or remove one that was edited since', () => {
    const edited = sseS3.map((statement, index) => (index === 0 ? { ...statement, Resource: 'arn:aws:s3:::photos/family/private/*' } : statement));
    expect(answerOf(() => mergeStatements(policyOf(...edited), 'family/', sseC))).toBe('policy-edited');
    expect(answerOf(() => mergeStatements(policyOf(...edited), 'family/', []))).toBe('policy-edited');
    expect(originOf({ ...other, Sid: 'EnfoldSomething' }, 'family/')).toBe('foreign');
  });
  test('refuses a policy that would be larger than S3 allows, by its bytes', () => {
    const large = { ...other, Resource: Array.from({ length: 500 }, (_, index) => `arn:aws:s3:::photos/ü${index}/${'x'.repeat(25)}`) };
    expect(answerOf(() => mergeStatements(policyOf(large), 'family/', sseS3))).toBe('policy-too-large');
  });
  test.each([['no JSON', 'nonsense'], ['no statement', '{}'], ['null', 'null'], ['a statement without an effect', '{"Statement":[{"Action":"s3:*"}]}'], ['a list', '[1]']])('refuses a policy that is %s', (_what, text) => {
    expect(answerOf(() => parsePolicyDocument(text))).toBe('policy-damaged');
  });
  test('takes one statement that is no list', () => {
    expect(parsePolicyDocument(JSON.stringify({ Statement: other })).Statement).toEqual([other]);
  });
});

describe('the statements of a mode', () => {
  const modes: readonly PolicyMode[] = [{ id: 'sse-s3' }, { id: 'sse-kms', kmsKey: null, dsse: false }, { id: 'sse-kms', kmsKey: 'arn:aws:kms:eu-west-1:111122223333:key/a', dsse: true }, { id: 'sse-c' }, { id: 'cse-c' }, { id: 'cse-kms', kmsKey: 'k' }];
  test.each(modes)('of $id deny only, below the prefix only, under Sids of their own that S3 takes', (mode) => {
    const statements = modeStatements(place, mode, true);
    expect(statements.map(({ Effect, Resource }) => [Effect, Resource])).toEqual(statements.map(() => ['Deny', 'arn:aws:s3:::photos/family/*']));
    expect(new Set(statements.map(({ Sid }) => Sid)).size).toBe(statements.length);
    for (const { Sid } of statements) expect(Sid).toMatch(/^[A-Za-z0-9]{1,64}$/);
    expect(statements.filter(({ Condition }) => Condition?.['Bool'] !== undefined)).toHaveLength(1);
  });
  test('never deny connections without TLS where there is no other', () => {
    expect(JSON.stringify(modeStatements(place, { id: 'sse-s3' }, false))).not.toContain('SecureTransport');
  });
  test('have another Sid when they say something else', () => {
    const base = { Effect: 'Deny', Action: 's3:PutObject', Resource: 'arn:aws:s3:::photos/*' } as const;
    expect(withSid('X', '', base).Sid).not.toBe(withSid('X', '', { ...base, Action: 's3:GetObject' }).Sid);
    expect(withSid('X', '', base).Sid).not.toBe(withSid('X', 'a/', base).Sid);
  });
});
