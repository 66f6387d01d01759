/** What mending would take, before it is begun: requests, money by AWS's list prices, and time by what the scan itself took. */
import type { PolicyMode } from './mode-policy.ts';
import type { Total } from './scan-records.ts';

/** USD, us-east-1, S3 Standard. @see the pricing pages of Amazon S3 and AWS KMS */
const PRICES = { write: 0.005 / 1_000, read: 0.0004 / 1_000, kms: 0.03 / 10_000 };

export type Estimate = { readonly objects: number; readonly bytes: number; readonly requests: { readonly heads: number; readonly writes: number; readonly kms: number }; readonly usd: number; readonly seconds: number };

/**
 * @param objectsPerSecond - how fast the scan looked at objects, one request each; mending takes three, one of them a copy inside S3.
 */
export function estimateFix(totals: readonly Total[], mode: PolicyMode, hasBucketKey: boolean, objectsPerSecond: number): Estimate {
  const flagged = totals.filter(({ verdict }) => verdict === 'wrong');
  const objects = flagged.reduce((sum, total) => sum + total.objects, 0);
  const bytes = flagged.reduce((sum, total) => sum + total.bytes, 0);
  const writes = objects;
  const heads = 2 * objects;
  const fromKms = flagged.filter(({ protection }) => protection.endsWith('KMS')).reduce((sum, total) => sum + total.objects, 0);
  const kms = (mode.id === 'sse-kms' && !hasBucketKey ? objects : 0) + fromKms;
  const usd = writes * PRICES.write + heads * PRICES.read + kms * PRICES.kms;
  return { objects, bytes, requests: { heads, writes, kms }, usd, seconds: objectsPerSecond > 0 ? Math.ceil((heads + writes) / objectsPerSecond) : 0 };
}
