/** What the doctor finds: one thing about a bucket, how bad it is, and the change that would mend it. */
import type { Change, Part } from './configuration.ts';

export type Severity = 'good' | 'info' | 'warning' | 'critical';
export const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'info', 'good'];

export type FindingId =
  | 'region' | 'clock' | 'default-encryption' | 'bucket-key' | 'blocked-encryption' | 'versioning' | 'public-access' | 'ownership' | 'public-policy' | 'insecure-transport' | 'mode-required'
  | 'policy-readable' | 'stale-uploads' | 'old-versions' | 'expiring-files' | 'archived-files' | 'conditional-writes' | 'keeps-metadata' | 'permissions' | 'kms-key' | 'settings-unreadable';

/** What a fix makes of a part. It is applied by `change`; `after` null removes the part. */
export type Fix = { readonly part: Part; readonly says: string; readonly before: Readonly<Record<string, unknown>> | null; readonly after: Readonly<Record<string, unknown>> | null; /** Left alone unless it is named: it decides about files. */ readonly isOptional: boolean };

export type Finding = {
  readonly id: FindingId;
  readonly severity: Severity;
  /** A sentence for people. */
  readonly says: string;
  /** Where no fix can do it: what to do. */
  readonly advice: string | null;
  readonly fix: Fix | null;
};

export type FixPreview = { readonly id: FindingId; readonly says: string; readonly change: Change };

export const finding = (id: FindingId, severity: Severity, says: string, more: { readonly advice?: string; readonly fix?: Omit<Fix, 'isOptional'> & { readonly isOptional?: boolean } } = {}): Finding =>
  ({ id, severity, says, advice: more.advice ?? null, fix: more.fix === undefined ? null : { isOptional: false, ...more.fix } });
