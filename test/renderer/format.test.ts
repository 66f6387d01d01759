import { describe, expect, test } from 'vitest';
import { ago, baseName, bytes, count, fingerprint, parentOf, percent, rate, remaining, shortPath, slug } from '../../renderer/format.ts';

const spaced = (text: string): string => text.replaceAll('\u00a0', ' ');
const at = (text: string): number => new Date(text).getTime();

describe('format', () => {
  test.each([[0, '0 B'], [999, '999 B'], [1000, '1 KB'], [8_940, '9 KB'], [880_000, '880 KB'], [999_600, '1.0 MB'], [2_400_000, '2.4 MB'], [31_400_000, '31.4 MB'], [412_000_000, '412 MB'], [2_310_000_000, '2.31 GB'], [9_400_000_000, '9.4 GB'], [1.4e12, '1.4 TB']])('writes %d bytes as %s', (value, expected) => {
    expect(spaced(bytes(value))).toBe(expected);
  });

  test('joins numbers and units by no-break spaces, and groups digits by them', () => {
    expect(count(12_406)).toBe('12\u00a0406');
    expect(bytes(31_400_000)).toBe('31.4\u00a0MB');
    expect(spaced(rate(38_000_000))).toBe('38 MB/s');
  });

  test('says 100 % only when all is done', () => {
    expect([percent(0, 10), percent(999, 1000), percent(1000, 1000), percent(5, 0)]).toEqual([0, 99, 100, 0]);
  });

  test('says how long ago in the unit people would use', () => {
    const now = at('2026-11-21T12:05:00');
    expect(ago(now - 2_000, now)).toEqual({ unit: 'now', value: 2 });
    expect(ago(now - 40_000, now)).toEqual({ unit: 'seconds', value: 40 });
    expect(ago(now - 120_000, now)).toEqual({ unit: 'minutes', value: 2 });
    expect(ago(at('2026-11-21T09:31:00'), now)).toEqual({ unit: 'today', at: '09:31' });
    expect(ago(at('2026-11-20T23:59:00'), now)).toEqual({ unit: 'yesterday', at: '23:59' });
    expect(ago(at('2026-11-15T04:10:00'), now)).toEqual({ unit: 'date', at: '15 Nov' });
    expect(ago(at('2025-09-05T04:10:00'), now)).toEqual({ unit: 'date', at: '5 Sep 2025' });
    expect(ago(now + 60_000, now)).toEqual({ unit: 'now', value: 0 });
  });

  test('shortens the home directory and nothing else', () => {
    expect(shortPath('/home/ines/Documents', '/home/ines')).toBe('~/Documents');
    expect(shortPath('/home/ines', '/home/ines')).toBe('~');
    expect(shortPath('/home/inessa/Documents', '/home/ines')).toBe('/home/inessa/Documents');
    expect(shortPath('/srv', '/')).toBe('/srv');
    expect(shortPath('C:\\Users\\ines\\Documents', 'C:\\Users\\ines')).toBe('~\\Documents');
  });

  test('takes names and parents from paths', () => {
    expect([baseName('/a/b c/'), baseName('C:\\x\\y'), baseName('file')]).toEqual(['b c', 'y', 'file']);
    expect([parentOf('a/b/c.txt'), parentOf('a/b/'), parentOf('c.txt')]).toEqual(['a/b', 'a', '']);
  });

  test('makes a bucket prefix of any folder name', () => {
    expect([slug('Photos of the site'), slug('Ünïcode & Käse'), slug('…')]).toEqual(['photos-of-the-site', 'unicode-kase', 'folder']);
  });

  test('groups a fingerprint in fours unless it is grouped', () => {
    expect([fingerprint('k7qf2m9dxa4h0trp'), fingerprint('K7QF-2M9D-XA4H-0TRP')]).toEqual(['K7QF-2M9D-XA4H-0TRP', 'K7QF-2M9D-XA4H-0TRP']);
  });

  test('estimates what is left only where something moves', () => {
    expect(remaining(4_300_000_000, 38_000_000)).toEqual({ unit: 'minutes', value: 2 });
    expect(remaining(38_000_000, 38_000_000)).toEqual({ unit: 'seconds', value: 1 });
    expect(remaining(4e12, 38_000_000)).toEqual({ unit: 'hours', value: 29 });
    expect([remaining(100, 0), remaining(0, 100)]).toEqual([null, null]);
  });
});
