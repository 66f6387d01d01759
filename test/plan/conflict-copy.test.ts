import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { syncPath } from '../../main/model/path.ts';
import { conflictCopyPath, originalOfConflictCopy } from '../../main/plan/conflict-copy.ts';

const copy = { hostName: 'laptop', deviceId: 'a1b2c3d4e5f6', atMs: Date.UTC(2026, 10, 21, 5, 7, 9), sha256: 'cafe'.repeat(16) };
const name = (path: string, changes: Partial<typeof copy & { attempt: number; utcOffsetMinutes: number }> = {}): string => conflictCopyPath(syncPath(path), { ...copy, ...changes });

describe('a conflict copy\'s name', () => {
  test('names the device, the time and the content, and keeps directory and extension', () => {
    expect(name('photos/beach.jpg')).toBe('photos/beach (conflict laptop-a1b2 2026-11-21 050709 cafe).jpg');
    expect(name('README')).toBe('README (conflict laptop-a1b2 2026-11-21 050709 cafe)');
    expect(name('.profile')).toBe('.profile (conflict laptop-a1b2 2026-11-21 050709 cafe)');
    expect(name('a.tar.gz')).toBe('a.tar (conflict laptop-a1b2 2026-11-21 050709 cafe).gz');
  });
  test('tells local time where it is given', () => {
    expect(name('a', { utcOffsetMinutes: -330 })).toBe('a (conflict laptop-a1b2 2026-11-20 233709 cafe)');
  });
  test('counts the tries, so that a name that is taken is not tried twice', () => {
    expect(name('a.txt', { attempt: 1 })).toBe(name('a.txt'));
    expect(name('a.txt', { attempt: 3 })).toBe('a (conflict laptop-a1b2 2026-11-21 050709 cafe 3).txt');
  });
  test('takes nothing from the host name that a file name cannot hold', () => {
    expect(name('a', { hostName: 'my/host:\u0000*(x)\u202E' })).toBe('a (conflict my-host-x--a1b2 2026-11-21 050709 cafe)');
    expect(name('a', { hostName: '' })).toContain('(conflict device-a1b2 ');
  });
  test('leads back to the original', () => {
    expect(originalOfConflictCopy(syncPath(name('photos/beach.jpg')))).toBe('photos/beach.jpg');
    expect(originalOfConflictCopy(syncPath(name('README', { attempt: 12 })))).toBe('README');
    expect(originalOfConflictCopy(syncPath('photos/beach (conflict of interest).jpg'))).toBeNull();
    expect(originalOfConflictCopy(syncPath(' (conflict laptop-a1b2 2026-11-21 050709 cafe)'))).toBeNull();
  });
  test('is one that every file system takes, whatever the original is called', () => {
    const segment = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).map((text) => text.replaceAll(/[/\0]/g, '_')).filter((text) => text.isWellFormed() && text !== '.' && text !== '..');
    fc.assert(
      fc.property(segment, fc.string({ unit: 'binary', maxLength: 100 }), fc.nat(99), (original, hostName, attempt) => {
        const made = name(`d/${original}`, { hostName, attempt: attempt + 1 });
        expect(made.startsWith('d/')).toBe(true);
        const last = made.slice(2);
        expect(last.includes('/')).toBe(false);
        expect(last.isWellFormed()).toBe(true);
        expect(Buffer.byteLength(last)).toBeLessThanOrEqual(255);
        expect(originalOfConflictCopy(syncPath(made))).not.toBe(made);
      }),
    );
  });
  test('cuts a long name between code points and keeps the extension', () => {
    const made = name(`${'\u{1F600}'.repeat(63)}.txt`);
    expect(Buffer.byteLength(made)).toBeLessThanOrEqual(255);
    expect(made.endsWith(' (conflict laptop-a1b2 2026-11-21 050709 cafe).txt')).toBe(true);
    expect(made.replace(/ \(.*/, '')).toMatch(/^\u{1F600}+$/u);
  });
});
