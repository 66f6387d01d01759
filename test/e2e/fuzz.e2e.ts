/** Every request of the contract, asked with what it does not expect: an error each time, never a crash, never anything done. */
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requests } from '../../preload/contract.ts';
import { removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

const MESSAGES = Number(process.env.ENFOLD_FUZZ_MESSAGES ?? 2000);
const BATCH = 2000;
/** These open dialogs or change the system even with good input; a parsed one would be right to. */
const QUIET = Object.keys(requests).filter((name) => !name.startsWith('host.') && !name.startsWith('lock.'));
let running: RunningApp;

beforeAll(async () => {
  running = await startApp(path.join(scratchDirectory('fuzz'), 'home'));
  await running.page.getByRole('heading').first().waitFor();
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

test(`answers ${MESSAGES} malformed messages with listed errors, and goes on working`, async () => {
  const id = fc.constantFrom('ab'.repeat(16), 'ab'.repeat(8), '../..', '', '__proto__', 7, null);
  const text = fc.oneof(fc.string(), fc.constantFrom('../up', '/etc/passwd', '\u202Egpj.exe', '\0', 'a'.repeat(5000), '<img src=x onerror=alert(1)>', 'constructor'));
  const names = ['folderId', 'path', 'paths', 'to', 'token', 'start', 'end', 'listingId', 'connectionId', 'keyId', 'directory', 'isDeep', 'text', 'by', 'bucket', 'prefix', 'wish', 'kind', 'name', 'localPath', 'mode', 'files', 'limit'];
  const object = fc.dictionary(fc.constantFrom(...names), fc.oneof(id, text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 3 })), { maxKeys: 6 });
  const message = fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...QUIET) }, { weight: 1, arbitrary: text }), fc.oneof({ weight: 4, arbitrary: object }, fc.anything({ maxDepth: 2, withBigInt: false })));
  const answers: (string | null)[] = [];
  while (answers.length < MESSAGES) {
    const messages = fc.sample(message, Math.min(BATCH, MESSAGES - answers.length)).map(([name, input]) => [name, JSON.parse(JSON.stringify(input) ?? 'null') as unknown]);
    answers.push(...(await running.page.evaluate(async (all) => {
      const { request } = window.enfold as unknown as { request: (name: unknown, input: unknown) => Promise<{ ok: boolean; error?: { code?: unknown; says?: unknown } }> };
      const outcomes: (string | null)[] = [];
      for (let at = 0; at < all.length; at += 50) {
        outcomes.push(...(await Promise.all(all.slice(at, at + 50).map(async ([name, input]) => {
          const answer = await request(name, input);
          return answer.ok ? null : typeof answer.error?.code === 'string' && typeof answer.error.says === 'string' ? answer.error.code : 'no code';
        }))));
      }
      return outcomes;
    }, messages)));
  }
  expect(answers.filter((code) => code === 'no code' || code === 'invariant')).toEqual([]);
  expect(answers.filter((code) => code === 'bad-usage').length).toBeGreaterThan(MESSAGES / 2);
  expect(await running.page.evaluate(async () => [(await window.enfold.request('folders.list', undefined)).ok, (await window.enfold.request('connections.list', undefined)).ok])).toEqual([true, true]);
  await running.page.getByRole('heading').first().waitFor();
}, 120_000 * Math.ceil(MESSAGES / BATCH));

test('what only the shell may ask is refused to the window', async () => {
  const codes = await running.page.evaluate(async () => {
    const { request } = window.enfold as unknown as { request: (name: string, input: unknown) => Promise<{ error?: { code: string } }> };
    return (await Promise.all([request('preview.read', { token: 'ab'.repeat(16), start: 0, end: 1 }), request('drag.stage', { folderId: 'ab'.repeat(16), paths: ['a'] })])).map((answer) => answer.error?.code);
  });
  expect(codes).toEqual(['bad-usage', 'bad-usage']);
});
