/** The power cut itself: what it takes and what it leaves, so that the tests that use it mean something. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canCutPower, createPowerCutDisk, FILE_SYSTEMS } from './power-cut.ts';

const sync = (path: string): void => {
  const handle = openSync(path, 'r');
  fsyncSync(handle);
  closeSync(handle);
};

if (canCutPower()) {
  describe.each(FILE_SYSTEMS)('a power cut on %s', (kind) => {
    test('leaves what was flushed, and takes what was not', () => {
      const disk = createPowerCutDisk(kind);
      try {
        const at = (name: string): string => join(disk.path, name);
        mkdirSync(at('old'));
        writeFileSync(at('old/kept'), 'kept');
        writeFileSync(at('old/renamed'), 'before');
        for (const name of ['old/kept', 'old/renamed', 'old', '']) sync(at(name));
        writeFileSync(at('old/new'), 'new');
        renameSync(at('old/new'), at('old/renamed'));
        writeFileSync(at('lost'), 'lost');
        disk.cut();
        expect(() => writeFileSync(at('late'), 'late')).toThrowError(/EIO/);
        disk.restore();
        expect(readFileSync(at('old/kept'), 'utf8')).toBe('kept');
        expect(readFileSync(at('old/renamed'), 'utf8')).toBe('before');
        expect([existsSync(at('lost')), existsSync(at('late')), existsSync(at('old/new'))]).toEqual([false, false, false]);
      } finally {
        disk.remove();
      }
    });
  });
} else {
  test('cannot be tried here, which was said', () => expect(canCutPower()).toBe(false));
}
