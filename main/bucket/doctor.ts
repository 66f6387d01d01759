/**
 * Examines a bucket as the home of a folder: its settings, what its server really does, and what this sign-in may do. Mends what can be mended,
 * one part at a time, and can take it back.
 */
import { randomBytes } from 'node:crypto';
import { isSyncError, type SyncError } from '../model/errors.ts';
import type { EncryptionMode } from '../model/mode.ts';
import { PROBES, probeFolder } from '../remote/probe.ts';
import type { ModeRequests } from '../remote/modes.ts';
import { createS3Store } from '../remote/s3.ts';
import { hasTls } from './bucket-policy.ts';
import { ABORT_AFTER_DAYS, checkEncryption, checkLifecycle, checkOwnership, checkPolicy, checkPublicAccess, checkVersioning } from './checks.ts';
import { PARTS, previewChange, readPart, type Part, type PartState } from './configuration.ts';
import { finding, type Finding, type FindingId, type FixPreview } from './finding.ts';
import { regionOf } from './kms-key.ts';
import type { PolicyMode } from './mode-policy.ts';
import { bucketArn, type OpenBucket, type Place } from './open-bucket.ts';
import type { Statement } from './policy-document.ts';
import { removeProbeVersions, tryPermissions, type Trial } from './permissions.ts';

export type Examination = {
  readonly bucket: string;
  readonly prefix: string;
  readonly findings: readonly Finding[];
  readonly permissions: readonly Trial[];
  /** What would allow all that is missing. */
  readonly missing: readonly Statement[];
};
export type Patient = {
  readonly place: Place;
  /** Null: what mode the place is for is not known, so nothing is asked of it. */
  readonly policyMode: PolicyMode | null;
  readonly mode: EncryptionMode | null;
  /** How the mode writes, with the keys it needs; null where they are not at hand: nothing is uploaded then. */
  readonly requests: ModeRequests | null;
  /** Why the mode's KMS key cannot be used. */
  readonly kmsProblem: SyncError | null;
};

const MAX_SKEW_MS = 5 * 60_000;
const WORRYING_SKEW_MS = 60_000;
const PARTS_READ: readonly Part[] = ['encryption', 'policy', 'versioning', 'public-access', 'ownership', 'lifecycle'];

/** @throws SyncError bucket-not-found, offline, sign-in-wrong, tls-failed, … */
export async function examine(open: OpenBucket, patient: Patient, signal: AbortSignal): Promise<Examination> {
  const { place, policyMode } = patient;
  const states = new Map<Part, PartState>();
  for (const part of PARTS_READ) states.set(part, await readPart(open, part, signal));
  const findings: Finding[] = [...(await checkPlace(open, signal)), ...(patient.kmsProblem === null ? [] : [finding('kms-key', 'critical', `The KMS key cannot be used: ${(patient.kmsProblem.about.detail ?? patient.kmsProblem.message).replace(/\.$/, '')}.`, { advice: patient.kmsProblem.next })])];
  const readable = (part: Part): PartState | null => {
    const state = states.get(part);
    return state?.state === 'set' || state?.state === 'unset' ? state : null;
  };
  const use = (part: Part, check: (state: PartState) => readonly Finding[]): void => {
    const state = readable(part);
    if (state !== null) findings.push(...check(state));
  };
  const versioning = readable('versioning');
  use('encryption', (state) => checkEncryption(state, policyMode));
  use('versioning', (state) => [checkVersioning(state)]);
  const isPublic = await isPublicNow(open, signal);
  use('public-access', (state) => checkPublicAccess(state, isPublic));
  use('ownership', (state) => [checkOwnership(state)]);
  use('policy', (state) => checkPolicy(state, place, policyMode, hasTls(open)));
  const staleUploads = await countStaleUploads(open, place, signal);
  use('lifecycle', (state) => checkLifecycle(state, place, versioning?.state === 'set' && versioning.value['Status'] === 'Enabled', staleUploads));
  findings.push(...unreadable(open.bucket, states), ...(await checkServer(open, patient, signal)));
  // What the bucket refuses by its settings is no missing right.
  const isModeBlocked = findings.some(({ id, severity }) => id === 'blocked-encryption' && severity === 'critical');
  const permissions = await tryPermissions(open, place, patient.mode, isModeBlocked ? {} : (patient.requests?.write ?? {}), signal);
  const refused = permissions.filter(({ isAllowed }) => !isAllowed);
  const essential = refused.filter(({ isEssential }) => isEssential);
  findings.push(refused.length === 0
    ? finding('permissions', 'good', 'This sign-in may do everything that Enfold asks for.')
    : finding('permissions', essential.length > 0 ? 'critical' : 'info', `This sign-in may not: ${refused.map(({ action, purpose }) => `${action} (${purpose})`).join(', ')}.`, { advice: refused.some(({ isDenied }) => isDenied) ? 'A policy denies some of it in so many words; that must be taken away, allowing it elsewhere does not help.' : 'Add the statements below to its policy.' }));
  return { bucket: open.bucket, prefix: place.prefix, findings, permissions, missing: refused.filter(({ isDenied }) => !isDenied).map(({ statement }) => statement) };
}

function unreadable(bucket: string, states: ReadonlyMap<Part, PartState>): Finding[] {
  const found: Finding[] = [];
  const elsewhere = [...states].filter(([, { state }]) => state === 'elsewhere');
  if (elsewhere.length > 0) found.push(finding('settings-unreadable', 'warning', 'The bucket belongs to another account, which alone may see its settings.', { advice: 'Ask its owner to run the doctor.' }));
  const denied = [...states].filter(([, { state }]) => state === 'denied').map(([part]) => PARTS[part].readAction);
  if (denied.length > 0) found.push(finding('settings-unreadable', 'warning', `Some settings may not be read by this sign-in: ${denied.join(', ')} on ${bucketArn(bucket)}.`, { advice: 'Add the statements below to its policy, or ask somebody who may.' }));
  const unsupported = [...states].filter(([, { state }]) => state === 'unsupported').map(([part]) => part);
  if (unsupported.length > 0) found.push(finding('settings-unreadable', 'info', `This server does not know: ${unsupported.join(', ')}.`));
  return found;
}

async function checkPlace(open: OpenBucket, signal: AbortSignal): Promise<Finding[]> {
  const startedMs = Date.now();
  const answer = await open.send({ method: 'HEAD', objectKey: '' }, signal);
  const serverMs = Date.parse(typeof answer.headers['date'] === 'string' ? answer.headers['date'] : '');
  const region = await regionOf(open, signal).catch((error: unknown) => {
    if (isSyncError(error, 'access-denied')) return null;
    throw error;
  });
  const found: Finding[] = [];
  const { region: configured, endpoint } = open.access;
  if (region !== null && configured !== '' && region !== configured && endpoint === null) found.push(finding('region', 'warning', `The bucket is in ${region}, the connection says ${configured}.`, { advice: `Add a connection with --region ${region}.` }));
  else found.push(finding('region', 'good', region === null ? 'The server has no regions, or does not say.' : `The bucket is in ${region}.`));
  if (Number.isNaN(serverMs)) return found;
  const skewMs = Math.abs(serverMs + 500 - (startedMs + Date.now()) / 2);
  const seconds = Math.round(skewMs / 1000);
  if (skewMs < WORRYING_SKEW_MS) found.push(finding('clock', 'good', 'This computer\'s clock and the server\'s agree.'));
  else found.push(finding('clock', skewMs > MAX_SKEW_MS ? 'critical' : 'warning', `This computer's clock and the server's differ by ${seconds} s; S3 refuses requests from 15 minutes on.`, { advice: 'Set the clock, best by NTP.' }));
  return found;
}

/** Null where it cannot be found out. */
async function isPublicNow(open: OpenBucket, signal: AbortSignal): Promise<boolean | null> {
  try {
    return (await open.ask(async (client, sdk) => client.send(new sdk.GetBucketPolicyStatusCommand({ Bucket: open.bucket }), { abortSignal: signal }), signal)).PolicyStatus?.IsPublic ?? null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

async function countStaleUploads(open: OpenBucket, { prefix }: Place, signal: AbortSignal): Promise<number> {
  const store = createS3Store(open.access, open.bucket, { connections: 1 });
  try {
    const uploads = await store.listMultipart(prefix, signal);
    const before = Date.now() - ABORT_AFTER_DAYS * 24 * 3600_000;
    return uploads.filter(({ initiatedMs }) => initiatedMs < before).length;
  } catch {
    signal.throwIfAborted();
    return 0;
  } finally {
    await store.close();
  }
}

async function checkServer(open: OpenBucket, { place, requests }: Patient, signal: AbortSignal): Promise<Finding[]> {
  if (requests === null) return [];
  const name = randomBytes(8).toString('hex');
  const store = createS3Store(open.access, open.bucket, { connections: 2 });
  try {
    const { level, keepsMetadata, ifMatchQuoting } = await probeFolder(store, requests, place.prefix, signal, name);
    const metadata = keepsMetadata ? finding('keeps-metadata', 'good', 'Metadata comes back as it was stored.') : finding('keeps-metadata', 'critical', 'The server does not keep the metadata that Enfold needs.', { advice: 'Use another server for this folder.' });
    switch (level) {
      case 'full':
        return [finding('conditional-writes', 'good', `Conditional writes hold for uploads, multipart uploads and deletions${ifMatchQuoting === 'unquoted' ? ' (with ETags as this server wants them)' : ''}.`), metadata];
      case 'put-only':
        return [finding('conditional-writes', 'info', 'Conditional writes hold for uploads, not for multipart uploads or deletions; Enfold looks before those.'), metadata];
      case 'versioned-only':
        return [finding('conditional-writes', 'warning', 'The server ignores conditions; what two devices write at once is told apart by versions.', { advice: 'Keep versioning on.' }), metadata];
      case 'none':
        return [finding('conditional-writes', 'warning', 'The server ignores conditions and keeps no versions: two devices that write at once can replace each other\'s changes before they notice.', { advice: 'Turn versioning on.' }), metadata];
      default:
        return level satisfies never;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (isSyncError(error, 'mode-not-honoured')) return [finding('conditional-writes', 'critical', `The server takes the mode and does not do it: ${error.about.detail ?? ''}`, { advice: error.next })];
    // What may not be uploaded is said by the permissions, why a bucket refuses by its other settings.
    if (isSyncError(error, 'access-denied') || isSyncError(error, 'rejected')) return [];
    throw error;
  } finally {
    await store.close();
    await removeProbeVersions(open, `${place.prefix}${PROBES}${name}`, signal);
  }
}

/** What fixing would do, as the bucket is now. Fixes of one part build on each other, so they are made one after the other. */
export async function previewFix(open: OpenBucket, patient: Patient, id: FindingId, signal: AbortSignal): Promise<FixPreview | null> {
  const found = (await examineSettings(open, patient, signal)).find((one) => one.id === id && one.fix !== null);
  if (found?.fix === undefined || found.fix === null) return null;
  const { part, before, after, says } = found.fix;
  return { id, says, change: await previewChange(open, part, before, after, signal) };
}

/** The findings that can have a fix: settings alone, nothing is uploaded. */
export async function examineSettings(open: OpenBucket, { place, policyMode }: Patient, signal: AbortSignal): Promise<readonly Finding[]> {
  const read = async (part: Part, check: (state: PartState) => readonly Finding[]): Promise<readonly Finding[]> => {
    const state = await readPart(open, part, signal);
    return state.state === 'set' || state.state === 'unset' ? check(state) : [];
  };
  const versioning = await readPart(open, 'versioning', signal);
  const isVersioned = versioning.state === 'set' && versioning.value['Status'] === 'Enabled';
  return [
    ...(await read('encryption', (state) => checkEncryption(state, policyMode))),
    ...(await read('versioning', (state) => [checkVersioning(state)])),
    ...(await read('public-access', (state) => checkPublicAccess(state, null))),
    ...(await read('ownership', (state) => [checkOwnership(state)])),
    ...(await read('policy', (state) => checkPolicy(state, place, policyMode, hasTls(open)))),
    ...(await read('lifecycle', (state) => checkLifecycle(state, place, isVersioned, 0))),
  ];
}
