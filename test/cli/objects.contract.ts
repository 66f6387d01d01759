/** Single objects from the command line, in each mode that the given S3 server has: what is put comes back, and only to who holds the key. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createComputer, makeScratch, type Server } from '../helpers/cli.ts';

export type ObjectCase = {
  readonly what: string;
  /** Made on the computer under the name that `args` give to --key. */
  readonly keyType?: 'aes' | 'rsa' | 'sse-c';
  /** To write. */
  readonly args: readonly string[];
  /** To read, where that needs less or other than to write. */
  readonly readArgs?: readonly string[];
  /** What a reader without the key gets: the ciphertext, an error, or the content where S3 decrypts for anybody it lets in. */
  readonly without: 'ciphertext' | 'error' | 'content';
};

export function testObjects(server: string, cases: readonly ObjectCase[], getServer: () => Server): void {
  const scratch = makeScratch();
  const computer = createComputer(scratch.dir, 'home-objects');
  const bucket = 'single-objects';
  const at = (name: string): string => join(scratch.dir, name);

  describe(`single objects on ${server}`, () => {
    beforeAll(async () => {
      await computer.connect(getServer());
      await computer.ok(['bucket', 'create', `s3://${bucket}`, '--connection', 's3']);
      for (const type of new Set(cases.flatMap(({ keyType }) => (keyType === undefined ? [] : [keyType])))) await computer.ok(['key', 'new', type, '--type', type]);
    });
    afterAll(() => scratch.remove());

    test.each(cases)('$what: come back whole, small, empty and in parts', async ({ args, readArgs = args, without }) => {
      const name = args.join('-').replaceAll(/[^a-z0-9]+/g, '-');
      for (const [size, content] of [['small', Buffer.from('a small text')], ['empty', Buffer.alloc(0)], ['large', randomBytes(17 << 20)]] as const) {
        const target = [`s3://${bucket}/${name}/${size}`, '--connection', 's3'];
        writeFileSync(at('source'), content);
        expect(await computer.json(['put', at('source'), ...target, ...args])).toMatchObject({ replaced: false, sizeBytes: content.length });
        await computer.ok(['get', ...target, ...readArgs, '--out', at('back')]);
        expect(readFileSync(at('back')).equals(content)).toBe(true);
        if (size !== 'small') continue;
        const { code, bytes } = await computer.run(['cat', ...target]);
        expect(code !== 0 ? 'error' : bytes.equals(content) ? 'content' : 'ciphertext').toBe(without);
        expect(await computer.json(['put', at('source'), ...target, ...args])).toMatchObject({ replaced: true });
      }
    });
  });
}
