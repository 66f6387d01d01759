import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { roundTrip } from './example.ts';

test('the example in the folder\'s README is this one, and it runs', async () => {
  const readme = readFileSync(new URL('../../main/envelope/README.md', import.meta.url), 'utf8');
  const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replaceAll('\'../../main/envelope/', '\'./').trimEnd();
  expect(/```ts\n([\s\S]*?)\n```/.exec(readme)?.[1]).toBe(example);

  const plaintext = randomBytes(100_000);
  const { metadata, body, text } = await roundTrip((async function* () {
    for (let at = 0; at < plaintext.length; at += 7_777) yield plaintext.subarray(at, at + 7_777);
  })());
  expect(text.equals(plaintext)).toBe(true);
  expect(body.length).toBe(plaintext.length + 16);
  expect(metadata).toMatchObject({ 'x-amz-c': '115', 'x-amz-m': '{"keyLabel":"backup 2026"}' });
});
