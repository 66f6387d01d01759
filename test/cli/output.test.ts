import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { describeFailure, exitCodeOf, failureJson } from '../../main/cli/failure.ts';
import { createOutput, formatBytes, printable, table } from '../../main/cli/output.ts';
import { ERROR_CODES, SyncError, toWire } from '../../main/model/errors.ts';

const stream = (): NodeJS.WriteStream & PassThrough => new PassThrough() as unknown as NodeJS.WriteStream & PassThrough;

describe('answers', () => {
  test('go to standard output as one JSON value or as lines, and notes to standard error for people only', async () => {
    for (const [isJson, out, err] of [[true, '{"a":1}\n"x"\n', ''], [false, 'one\ntwo\nx!\n', 'note\n']] as const) {
      const [stdout, stderr] = [stream(), stream()];
      const output = createOutput(isJson, stdout, stderr);
      output.answer({ a: 1 }, ['one', 'two']);
      output.note('note');
      output.progress('working');
      await output.item('x', 'x!');
      expect([String(stdout.read() ?? ''), String(stderr.read() ?? '')]).toEqual([out, err]);
    }
  });

  test('names cannot steer a terminal', () => {
    expect(printable('a\u001b[31mb\n\u202e日本')).toBe('a\\u001b[31mb\\u000a\\u202e日本');
  });

  test('columns are aligned and sizes are short', () => {
    expect(table([['A', 'LONG'], ['bbb', 'c']])).toEqual(['A    LONG', 'bbb  c']);
    expect([0, 1023, 1024, 10_240, 5 * 2 ** 30].map(formatBytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '10 KiB', '5.0 GiB']);
  });
});

describe('errors', () => {
  test.each(ERROR_CODES)('%s is told in words and as JSON, with an exit code', (code) => {
    const error = new SyncError(code, { path: 'some/file', detail: 'a fact' });
    expect(describeFailure(toWire(error))).toMatch(new RegExp(`^enfold: .*some/file; a fact\\.\\n {8}.+ \\[${code}\\]\\n$`));
    expect(JSON.parse(failureJson(toWire(error)))).toMatchObject({ error: { code, path: 'some/file', detail: 'a fact' } });
    expect(exitCodeOf(error, 'setting-up')).toBe(1);
    expect([1, 2]).toContain(exitCodeOf(error, 'working'));
  });

  test('while working, what concerns files, objects and the server is 2, and what concerns usage and the secret store is 1', () => {
    for (const code of ['offline', 'not-authentic', 'disk-full', 'key-not-found', 'plan-held'] as const) expect(exitCodeOf(new SyncError(code), 'working')).toBe(2);
    for (const code of ['bad-usage', 'passphrase-wrong', 'keychain-locked', 'folder-busy', 'no-such-folder'] as const) expect(exitCodeOf(new SyncError(code), 'working')).toBe(1);
  });
});
