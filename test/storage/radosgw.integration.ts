/** The same conformance table against another server, Ceph's radosgw: what it does otherwise is listed with the reason, and must stay so. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { CASES, runCase } from './conformance.ts';
import { DEVIATIONS } from './radosgw-deviations.ts';
import { createTarget, type Target } from './target.ts';

if (isRadosgwInstalled()) {
  describe('radosgw, by the same table', () => {
    let radosgw: RunningRadosgw;
    let target: Target;
    beforeAll(async () => {
      radosgw = await startRadosgw();
      target = createTarget(radosgw);
    }, 120_000);
    afterAll(async () => {
      target.client.destroy();
      await radosgw.stop();
    });

    test.each(CASES.filter(({ name }) => !DEVIATIONS.has(name)))('$name', async (each) => {
      await runCase(target, each);
      expect.hasAssertions();
    }, 60_000);

    test.each(CASES.flatMap((each) => {
      const reason = DEVIATIONS.get(each.name);
      return reason === undefined ? [] : [{ ...each, reason }];
    }))('not: $name, because $reason', async (each) => {
      await expect(runCase(target, each)).rejects.toBeInstanceOf(Error);
    }, 60_000);

    test('every deviation is of a case that exists', () => {
      const names = new Set(CASES.map(({ name }) => name));
      expect([...DEVIATIONS.keys()].filter((name) => !names.has(name))).toEqual([]);
    });
  });
}
