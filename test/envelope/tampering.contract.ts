/**
 * Everything that can be done to stored objects behind Enfold's back, against the whole download: nothing is let through, nothing
 * stays behind. V3 and V2 have a file each, so that both cores work.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERROR_CODES } from '../../main/model/errors.ts';
import type { TestMode } from '../transfer/folder-fixture.ts';
import { openReadFolder, tamperingsOf, type ReadFolder, type Sealed } from './tampered-objects.ts';

/** The same cryptography behind another library needs a sample, not all of it again. */
const STEP = process.versions['electron'] === undefined ? 1 : 16;
const REFUSALS: readonly string[] = ['not-authentic', 'truncated', 'commitment-mismatch', 'key-unwrap-failed', 'key-not-found', 'malformed', 'newer-version', 'format-refused', 'legacy-refused', 'not-ours', 'context-mismatch'];

export function testTampering(mode: TestMode): void {
  let folder: ReadFolder;
  // A hundred thousand errors; where they come from is not looked at.
  const { stackTraceLimit } = Error;
  beforeAll(() => {
    folder = openReadFolder(mode);
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
    folder.close();
  });

  test('every refusal that is counted here is a listed error', () => {
    expect(REFUSALS.filter((code) => !(ERROR_CODES as readonly string[]).includes(code))).toEqual([]);
  });

  test('of 4 KiB, altered in more than 50,000 ways, every single bit among them, are refused each time', { timeout: 300_000 }, async () => {
    const plaintext = randomBytes(4_096);
    const [object, other] = [await folder.seal('a.bin', plaintext), await folder.seal('b.bin', randomBytes(4_096))];
    const accepted: string[] = [];
    const counts = new Map<string, number>();
    for (const { what, object: tampered } of tamperingsOf(object, other, STEP)) {
      const answer = await folder.read(tampered, plaintext);
      if (!REFUSALS.includes(answer)) accepted.push(`${what}: ${answer}`);
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    expect(accepted).toEqual([]);
    const tried = [...counts.values()].reduce((sum, count) => sum + count, 0);
    expect(counts.get('a flipped bit of the body or tag')).toBe((8 * (4_096 + 16)) / STEP);
    expect(tried).toBeGreaterThan(50_000 / STEP);
    expect(folder.leftovers()).toEqual([]);
    // What was refused above was refused for its change.
    expect(await folder.read(object, plaintext)).toBe('value');
  });

  test('that come in several ranges leave nothing staged when any of it is altered', { timeout: 120_000 }, async () => {
    const plaintext = randomBytes(1_300_000);
    const [object, other] = [await folder.seal('large.bin', plaintext), await folder.seal('other.bin', randomBytes(1_300_000))];
    const part = 64 * 1024;
    const flipped = (at: number): Buffer => {
      const body = Buffer.from(object.body);
      body[at] = (body[at] as number) ^ 0x80;
      return body;
    };
    const bodies: Buffer[] = [0, part - 1, part, 7 * part + 5, plaintext.length - 1, plaintext.length, object.body.length - 1].map(flipped);
    for (let at = 0; at < 12; at += 1) {
      const [first, second] = [object.body.subarray(at * part, (at + 1) * part), object.body.subarray((at + 1) * part, (at + 2) * part)];
      bodies.push(Buffer.concat([object.body.subarray(0, at * part), second, first, object.body.subarray((at + 2) * part)]));
      bodies.push(Buffer.concat([object.body.subarray(0, at * part), other.body.subarray(at * part, (at + 1) * part), object.body.subarray((at + 1) * part)]));
    }
    bodies.push(object.body.subarray(0, -1), object.body.subarray(0, -part), Buffer.concat([object.body, Buffer.alloc(1)]), Buffer.concat([object.body, object.body.subarray(-part)]));
    for (const body of bodies) expect(REFUSALS).toContain(await folder.read({ ...object, body }, plaintext));
    expect(folder.leftovers()).toEqual([]);
    expect(await folder.read(object, plaintext)).toBe('value');
  });

  test('swapped in all 2,450 ways among 50 files, whole or in part, are refused each time', { timeout: 120_000 }, async () => {
    const files: { readonly object: Sealed; readonly plaintext: Buffer }[] = [];
    for (let index = 0; index < 50; index += 1) {
      // All of one length, half of them of one content: sizes and equal texts must not let a swap through.
      const plaintext = index % 2 === 0 ? Buffer.alloc(100, 7) : randomBytes(100);
      files.push({ object: await folder.seal(`directory/file ${index}`, plaintext), plaintext });
    }
    const wrapName = mode === 'cse-c' ? 'x-amz-3' : 'x-amz-key-v2';
    let swaps = 0;
    const accepted: string[] = [];
    for (const [at, { object: target, plaintext }] of files.entries()) {
      for (const [from, { object: source }] of files.entries()) {
        if (at === from) continue;
        swaps += 1;
        const only = (names: readonly string[]): Sealed => ({ ...target, metadata: { ...target.metadata, ...Object.fromEntries(names.map((name) => [name, source.metadata[name] ?? ''])) } });
        const envelope = Object.keys(target.metadata).filter((name) => name.startsWith('x-amz-'));
        const swapped: Readonly<Record<string, Sealed>> = {
          'the whole object': { ...target, metadata: source.metadata, body: source.body },
          'the body': { ...target, body: source.body },
          'the metadata': { ...target, metadata: source.metadata },
          'the attributes': only(['enfold-attrs']),
          'the envelope': only(envelope),
          'the envelope and the body': { ...only(envelope), body: source.body },
          'the wrapped key': only([wrapName]),
        };
        if (STEP > 1 && (at + from) % STEP !== 0) continue;
        for (const [what, object] of Object.entries(swapped)) {
          const answer = await folder.read(object, plaintext);
          if (!REFUSALS.includes(answer)) accepted.push(`${what} of ${from} at ${at}: ${answer}`);
        }
      }
    }
    expect(accepted).toEqual([]);
    expect(swaps).toBe(2_450);
    expect(folder.leftovers()).toEqual([]);
    for (const { object, plaintext } of files) expect(await folder.read(object, plaintext)).toBe('value');
  });
}
