import { expect, test } from 'vitest';
import { progressBar } from '../../main/cli/output.ts';

test('a bar is as long as the share of the work that is done', () => {
  expect(progressBar(0, 10)).toBe('[........................]   0 %');
  expect(progressBar(5, 10)).toBe('[############............]  50 %');
  expect(progressBar(10, 10)).toBe('[########################] 100 %');
});

test('a bar stays within its ends, whatever is counted', () => {
  expect(progressBar(0, 0)).toBe('[########################] 100 %');
  expect(progressBar(12, 10)).toBe('[########################] 100 %');
  expect(progressBar(999_999, 1_000_000)).toBe('[#######################.]  99 %');
});
