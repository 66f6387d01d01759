import { describe, expect, test } from 'vitest';
import { createEncryption } from '../../main/envelope/envelope.ts';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { requestsOf } from '../../main/remote/modes.ts';
import { chooseMode } from '../../main/assembly/mode-choice.ts';
import { changeCommandOf, commandOf, headersOf, parseContext, VARIES, type ModeSettings } from '../../renderer/mode-request.ts';
import { modeIdOf, type ModeChoice } from '../../renderer/modes.ts';
import type { KeyId } from '../../main/model/mode.ts';

const keyId = 'ab'.repeat(8) as KeyId;
const key = { keyId, name: 'house', type: 'sse-c', createdAtMs: 0, backend: 'file', exportedAtMs: null } as const;
const settings = (mode: ModeChoice, part: Partial<ModeSettings> = {}): ModeSettings => ({ mode, kmsKeyId: 'alias/house', bucketKey: true, dsse: false, context: '', format: 'v3', keyType: 'aes', ...part });

/** What the engine would send for the same choices. */
function sentFor({ mode, kmsKeyId, bucketKey, dsse, context }: ModeSettings): Record<string, string> {
  const isKms = modeIdOf(mode) === 'sse-kms';
  const chosen = chooseMode({ mode: modeIdOf(mode), key: mode === 'sse-c' ? 'house' : null, ...(mode === 'sse-kms' ? { kmsKeyId } : {}), ...(isKms ? { bucketKey: bucketKey && !dsse, dsse, encryptionContext: parseContext(context) ?? {} } : {}) }, { find: () => key });
  return { ...requestsOf(chosen, [{ keyId, type: 'sse-c', bytes: Buffer.alloc(32, 7) }], null).write };
}

/** What does not differ from file to file. */
const steady = (shown: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== VARIES));

describe('the headers that the window shows', () => {
  test.each([
    settings('sse-s3'), settings('sse-kms-aws'), settings('sse-kms-aws', { bucketKey: false }), settings('sse-kms'), settings('sse-kms', { dsse: true }), settings('sse-kms', { context: 'project=house\nteam=möbel' }), settings('sse-c'),
  ])('are those that the engine sends: %o', (given) => {
    const sent = sentFor(given);
    const shown = Object.fromEntries(headersOf(given));
    expect(Object.keys(shown).sort()).toEqual(Object.keys(sent).sort());
    expect(steady(shown)).toEqual(Object.fromEntries(Object.entries(sent).filter(([name]) => shown[name] !== VARIES)));
  });

  test.each(['v3', 'v2'] as const)('are the metadata of a sealed object in format %s', async (format) => {
    const keyring = createAesKeyring({ wrappingKey: Buffer.alloc(32, 3), keyId });
    const encryption = await createEncryption(keyring, { format });
    const shown = Object.fromEntries(headersOf(settings('cse-c', { format })).map(([name, value]) => [name.replace('x-amz-meta-', ''), value]));
    expect(Object.keys(shown).sort()).toEqual(Object.keys(encryption.metadata).sort());
    expect(steady(shown)).toEqual(Object.fromEntries(Object.entries(encryption.metadata).filter(([name]) => shown[name] !== VARIES)));
    encryption.dispose();
  });

  test('never show a customer key', () => {
    expect(headersOf(settings('sse-c')).filter(([name]) => name.includes('customer-key')).map(([, value]) => value)).toEqual([VARIES, VARIES]);
  });
});

test('the command line names what was chosen, quoted for a shell, and leaves defaults out', () => {
  const place = { localPath: "/home/ines/It's here", connectionName: 'Storage on my disk', bucket: 'enfold', prefix: 'house/', names: 'encrypted' as const, direction: 'two-way', keyName: 'house', createBucket: true };
  expect(commandOf(settings('cse-c'), place).join(' ')).toBe(String.raw`enfold folder add '/home/ines/It'\''s here' --remote s3://enfold/house --connection 'Storage on my disk' --mode cse-c --key house --names encrypted --create-bucket`);
  expect(commandOf(settings('sse-kms', { dsse: true, context: 'a=b c' }), { ...place, direction: 'upload', createBucket: false }).slice(3).join(' ')).toBe("--mode sse-kms --kms-key-id alias/house --dsse --context 'a=b c' --direction upload");
  expect(commandOf(settings('cse-kms', { format: 'v2' }), { ...place, names: 'readable' })).toContain('--format v2');
});

test('the command line of a change names the folder, and what goes back to its default', () => {
  const folderId = '1234abcd'.repeat(4);
  expect(changeCommandOf(settings('cse-c'), folderId, 'house').join(' ')).toBe('enfold folder set 1234abcd --mode cse-c --key house --format v3 --yes');
  expect(changeCommandOf(settings('sse-kms-aws'), folderId, null).join(' ')).toBe('enfold folder set 1234abcd --mode sse-kms --kms-key-id alias/aws/s3 --bucket-key --yes');
  expect(changeCommandOf(settings('sse-s3'), folderId, null).join(' ')).toBe('enfold folder set 1234abcd --mode sse-s3 --yes');
});

test('a context is one name=value per line, or nothing', () => {
  expect([parseContext('a=b\n c = d=e \n'), parseContext(''), parseContext('nonsense')]).toEqual([{ a: 'b', c: 'd=e' }, {}, null]);
});
