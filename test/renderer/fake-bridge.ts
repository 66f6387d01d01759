/** A bridge without an engine, for looking at the window's views in every state. Tests only. */
import type {
  ActivityEvent, Answer, BrowseRow, ChangePreviewView, ConnectionView, EnfoldApi, EventName, Events, FolderStatus, FolderView, InspectView, KeyView, PreviewView, RequestInput, RequestName, Skipped, WireError,
} from '../../preload/contract.ts';

const NOW = Date.now();
const MINUTE = 60_000;
const id = (letter: string): string => letter.repeat(32);

const status = (folderId: string, part: Partial<FolderStatus>): FolderStatus => ({
  folderId, state: 'up-to-date', phase: 'idle', progress: null, transfers: [], lastSuccessMs: NOW - 2 * MINUTE, changedMs: null, files: 4812, bytes: 9_400_000_000, problems: [], held: null, twoVersions: 0, skippedCount: 0, change: null, ...part,
});
const offline: WireError = { code: 'offline', says: 'The server cannot be reached.', next: 'Enfold goes on when the connection is back.', retry: 'later', about: { server: 'connect ECONNREFUSED 127.0.0.1:9000' } };

const expired: WireError = { code: 'sign-in-expired', says: 'The sign-in has expired.', next: 'Sign in again; Enfold goes on where it stopped.', retry: 'after-user', about: {} };
const connections: ConnectionView[] = [
  { id: 'c1c1c1c1', name: 'Storage on my disk', kind: 'built-in', endpoint: null, directory: '/media/ines/Backup-2T/Enfold', region: 'us-east-1', signIn: 'own key', isSecure: false },
  { id: 'c2c2c2c2', name: 'Amazon S3 (ines)', kind: 's3', endpoint: null, directory: null, region: 'eu-central-1', signIn: 'profile ines', isSecure: false },
];
const keys: KeyView[] = [
  { keyId: 'a1a1a1a1a1a1a1a1', name: 'Documents key', type: 'aes', fingerprint: 'K7QF-2M9D-XA4H-0TRP', createdAtMs: NOW - 40 * 86_400_000, exportedAtMs: NOW - 18 * 86_400_000, usedBy: ['Documents', 'Photos'], backend: 'keychain', problem: null, kit: { state: 'verified', madeAtMs: NOW - 30 * 86_400_000, verifiedAtMs: NOW - 30 * 86_400_000 } },
  { keyId: 'a2a2a2a2a2a2a2a2', name: 'Tax vault', type: 'aes', fingerprint: '3ZC8-VN1E-J6WB-Q5YT', createdAtMs: NOW - 90 * 86_400_000, exportedAtMs: null, usedBy: ['Tax and contracts'], backend: 'keychain', problem: null, kit: { state: 'none', madeAtMs: null, verifiedAtMs: null } },
];
const folder = (letter: string, name: string, part: Partial<FolderView>, state: Partial<FolderStatus>): FolderView => ({
  id: id(letter), name, localPath: `/home/ines/${name}`, connectionId: 'c2c2c2c2', connectionName: 'Amazon S3 (ines)', bucket: 'ines-archive', prefix: `${name.toLowerCase().replaceAll(' ', '-')}/`, mode: 'cse-c', keyId: 'a1a1a1a1a1a1a1a1',
  keyName: 'Documents key', modeDetails: { kmsKeyId: null, bucketKey: null, dsse: null, format: part.mode === undefined ? 'v3' : null, keyType: 'aes' }, names: 'encrypted', direction: 'two-way', isPaused: false, reusesDataKey: false, status: status(id(letter), state), ...part,
});
const transfer = (path: string, doneBytes: number, totalBytes: number) => ({ path, direction: 'up' as const, doneBytes, totalBytes });
const folders: FolderView[] = [
  folder('a', 'Photos', { localPath: '/home/ines/Pictures/Photos', direction: 'upload', names: 'readable' }, {
    state: 'syncing', phase: 'transferring', lastSuccessMs: NOW - 40_000, files: 11_672, skippedCount: 12, progress: { doneFiles: 11_672, totalFiles: 12_406, doneBytes: 7_100_000_000, totalBytes: 11_400_000_000, bytesPerSecond: 38_000_000 },
    transfers: [transfer('2026/Harz/IMG_4471.CR3', 31_400_000, 31_400_000), transfer('2026/Harz/IMG_4472.CR3', 26_000_000, 30_900_000), transfer('2026/Harz/video/clip-0117.mov', 860_000_000, 2_310_000_000), transfer('2026/Harz/IMG_4473.CR3', 3_700_000, 31_000_000)],
  }),
  folder('b', 'Documents', {}, { skippedCount: 7, twoVersions: 1 }),
  folder('c', 'Atelier shared', { localPath: '/home/ines/Work/Atelier', mode: 'sse-s3', keyId: null, keyName: null, names: 'readable', bucket: 'atelier-bruun', prefix: 'projects/' }, {
    state: 'needs-attention', phase: 'held', lastSuccessMs: NOW - 55 * MINUTE, files: 121, held: { reason: 'mass-delete-remote', deletions: 38, ofTotal: 121, examples: ['2024/Hansen house/', '2024/Kiosk Altona/', '2024/Invoices/', '2024/index.md'] },
  }),
  folder('d', 'Tax and contracts', { localPath: '/home/ines/Records', direction: 'upload', keyId: 'a2a2a2a2a2a2a2a2', keyName: 'Tax vault' }, { state: 'locked', lastSuccessMs: NOW - 1440 * MINUTE, files: 640, problems: [{ error: { ...offline, code: 'keychain-locked', says: 'The keychain is locked.', next: 'Unlock your keychain, then try again.' }, path: null }] }),
  folder('e', 'Camera cards', { localPath: '/media/cards', direction: 'upload', mode: 'sse-s3', keyName: null, keyId: null, names: 'readable', connectionName: 'Storage on my disk', bucket: 'enfold' }, { lastSuccessMs: NOW - 18 * MINUTE, files: 3118, change: { startedAtMs: NOW - 5 * MINUTE, finishedAtMs: null, done: 1204, total: 3118, changed: 1204, bytesSent: 0, problem: null, failed: [{ path: 'A001/clip 7.mov', error: offline }] } }),
  folder('f', 'Website exports', { localPath: '/home/ines/Sites/export', isPaused: true, mode: 'sse-s3', keyName: null, keyId: null, names: 'readable' }, { state: 'paused', lastSuccessMs: NOW - 2 * 86_400_000, files: 312, problems: [{ error: offline, path: null }] }),
];
const row = (name: string, sizeBytes: number | null, daysAgo: number, part: Partial<BrowseRow> = {}): BrowseRow => ({
  path: `House/Plans/${name}`, name, kind: 'file', sizeBytes, modifiedMs: NOW - daysAgo * 86_400_000, objectKey: `documents/9k2m8v4c1n3d5b7g/r1tq0h7s4w2e8u6y0p/${name.length}`, protection: 'sealed', isConfirmed: true, ...part,
});
const directory = (name: string, daysAgo: number): BrowseRow => row(name, null, daysAgo, { path: `House/Plans/${name}/`, kind: 'directory', isConfirmed: false });
const rows: BrowseRow[] = [
  directory('Contracts', 3), directory('Photos of the site', 9), row('Ground floor rev C.pdf', 2_400_000, 1), row('Ground floor rev B.pdf', 2_300_000, 18), row('First floor rev C.pdf', 1_900_000, 1), row('Section A-A.pdf', 880_000, 1),
  row('Room schedule.ods', 61_000, 2), row('Quote Bruun kitchen.ods', 48_000, 1), row('Structural notes.md', 12_000, 4), row('Heat pump data sheet.pdf', 5_100_000, 12), row('Facade study 04.png', 8_800_000, 7, { isConfirmed: false }), row('survey-points.zip', 22_000_000, 50),
  row('export-2026-10.csv', 1_100_000, 51, { protection: 'foreign', isConfirmed: false }), ...Array.from({ length: 200 }, (_, index) => row(`Minutes ${String(index + 1).padStart(3, '0')}.md`, 6000 + index, 60 + index)),
];
const activity: ActivityEvent[] = [
  { atMs: NOW - MINUTE, kind: 'uploaded', path: 'Room schedule.ods', bytes: 61_000, detail: null }, { atMs: NOW - MINUTE, kind: 'uploaded', path: 'House/Minutes/Minutes 2026-11-18.md', bytes: 7_000, detail: null },
  { atMs: NOW - 17 * MINUTE, kind: 'downloaded', path: 'Section A-A.pdf', bytes: 880_000, detail: null }, { atMs: NOW - 17 * MINUTE, kind: 'renamed', path: 'Facade old/north.png', bytes: 0, detail: 'Facade 2025/north.png' },
  { atMs: NOW - 160 * MINUTE, kind: 'two-versions', path: 'Quote Bruun kitchen.ods', bytes: 0, detail: null }, { atMs: NOW - 160 * MINUTE, kind: 'deleted-local', path: 'draft-2.tmp.md', bytes: 0, detail: null }, { atMs: NOW - 2 * 86_400_000, kind: 'failed', path: 'Accounts/ledger-2026.xlsx', bytes: 0, detail: 'Another program has the file open.' },
];
const skipped: Skipped[] = [
  { path: 'House/Survey/scan-archive.e57', side: 'local', reason: 'file-too-large-for-mode', detail: null }, { path: 'Accounts/ledger-2026.xlsx', side: 'local', reason: 'waiting-for-quiet', detail: null }, { path: 'House/current', side: 'local', reason: 'symlink', detail: null },
  { path: 'House/plans/readme.md', side: 'remote', reason: 'name-collision', detail: null }, { path: 'Thumbs.db', side: 'local', reason: 'ignored', detail: 'Thumbs.db, a default rule' }, { path: 'export-2026-10.csv', side: 'remote', reason: 'foreign', detail: null },
];
const preview: PreviewView = { upload: 4812, download: 0, adopt: 0, twoVersions: 0, deleteLocal: 0, deleteRemote: 0, rename: 0, bytesUp: 9_400_000_000, bytesDown: 0, skipped: 7, undecided: 0, examples: [{ action: 'upload', path: 'House/Plans/Ground floor rev C.pdf' }, { action: 'upload', path: 'House/Room schedule.ods' }], held: null };

const changeCost: ChangePreviewView = {
  ways: { none: { objects: 0, bytes: 0 }, update: { objects: 0, bytes: 0 }, copy: { objects: 0, bytes: 0 }, rewrap: { objects: 4210, bytes: 9_100_000_000 }, transfer: { objects: 602, bytes: 300_000_000 } }, bytesUp: 300_000_000, bytesDown: 300_000_000,
  requests: { writes: 4850, reads: 13_840, kms: 0 }, costUsd: 0.06, oldVersions: { objects: 118, bytes: 420_000_000 }, namesNeedOldKey: true, isUnderWay: false,
};

export type Scene = 'full' | 'locked' | 'blocked' | 'first-run' | 'empty' | 'join' | 'passphrase' | 'calm';

/** The world of one scene: what each request answers. */
export function createFakeBridge(scene: Scene): EnfoldApi {
  const listeners = new Map<EventName, Set<(payload: never) => void>>();
  const emit = <N extends EventName>(name: N, payload: Events[N]): void => listeners.get(name)?.forEach((listener) => listener(payload as never));
  const hasData = scene === 'full' || scene === 'blocked' || scene === 'join' || scene === 'calm';
  const world = {
    folders: scene === 'calm' ? folders.filter((one) => one.name === 'Documents' || one.name === 'Camera cards') : hasData ? [...folders] : [], connections: hasData || scene === 'empty' ? [...connections] : [], keys: hasData ? (scene === 'calm' ? keys.slice(0, 1) : [...keys]) : [],
    keychain: scene === 'passphrase' ? ('passphrase-needed' as const) : ('ready' as const),
  };
  const existing: InspectView['existing'] = { folderId: id('9'), mode: 'cse-c', modeDetails: { kmsKeyId: null, bucketKey: null, dsse: null, format: 'v3', keyType: 'aes' }, keyId: 'b7b7b7b7b7b7b7b7', names: 'encrypted', fingerprint: null, keyFingerprint: 'R2LD-94SP-UF7K-M8XA', hasKey: false };
  const answers: { [N in RequestName]?: (input: RequestInput<N>) => unknown } = {
    'app.info': () => ({ version: '0.1.0', isFirstRun: scene === 'first-run', platform: 'linux', homeDirectory: '/home/ines' }),
    'host.storageOwner': () => ({ directory: '/media/ines/Backup-2T/Enfold', endpoint: 'https://127.0.0.1:41733', isSecure: true, fingerprint: `${'A7:'.repeat(31)}0C`, rootKey: { place: 'keychain', id: '0f1e2d3c4b5a6978', wordsAtMs: null } }),
    'host.defaults': () => ({ storageDirectory: '/media/ines/Backup-2T/Enfold', documentsDirectory: '/home/ines/Documents', hostName: 'ines-thinkpad' }),
    'keychain.state': () => ({ backend: scene === 'passphrase' ? 'file' : 'keychain', state: world.keychain }),
    'keychain.usePassphrase': () => { world.keychain = 'ready'; return null; },
    'folders.list': () => world.folders, 'connections.list': () => world.connections, 'keys.list': () => world.keys,
    'connections.add': (input) => { world.connections.push({ ...connections[0]!, id: 'c3c3c3c3', name: input.name }); return world.connections.at(-1); },
    'connections.test': ({ connectionId }) => (connectionId === 'c2c2c2c2' ? { ok: false, error: offline } : world.connections.find((one) => one.id === connectionId)?.name.includes('work') === true ? { ok: false, error: expired } : { ok: true, error: null }), 'connections.buckets': () => ({ buckets: ['ines-archive', 'atelier-bruun'], error: null }),
    'connections.remove': () => null,
    'lock.state': () => ({ isLocked: scene === 'locked', method: 'passphrase', settings: { idleMinutes: 15, onScreenLock: true, onSleep: false } }), 'lock.setSettings': () => null, 'host.settings': () => ({ theme: 'system', language: 'en', locale: 'en-GB', startAtLogin: false, notifications: { held: true, problem: true, locked: false } }), 'host.changeSettings': () => null,
    'folders.twoVersions': () => [{ original: { path: 'Bruun/Quote Bruun kitchen.md', sizeBytes: 48_214, modifiedMs: NOW - 160 * MINUTE }, copy: { path: 'Bruun/Quote Bruun kitchen (conflict studio-mac-8c1e 2026-11-20 173955 9f3a).md', sizeBytes: 47_902, modifiedMs: NOW - 162 * MINUTE }, device: 'studio-mac-8c1e' }, { original: { path: 'Bruun/Plan.md', sizeBytes: 1200, modifiedMs: NOW }, copy: { path: 'Bruun/Plan (conflict studio-mac-8c1e 2026-11-20 173955 9f3b).md', sizeBytes: 1300, modifiedMs: NOW }, device: 'studio-mac-8c1e' }],
    'limits.get': () => ({ upload: '08:00,512K 18:00,off', download: 'off', transfers: null }), 'limits.set': () => ({ upload: 'off', download: 'off', transfers: null }), 'drill.last': () => ({ atMs: NOW - 6 * 86_400_000, files: 20, bytes: 310_000_000, compared: 20, failed: 0, lastProvenMs: NOW - 6 * 86_400_000 }), 'drill.run': () => ({ atMs: NOW, files: 20, bytes: 310_000_000, compared: 20, failed: 0, lastProvenMs: NOW, problems: [] }),
    'folders.set': () => folders[1], 'folders.verify': () => ({ objects: 4812, checked: 4811, bytes: 9_400_000_000, failed: [{ path: 'House/Plans/Ground floor rev B.pdf', error: offline }], foreign: 1 }),
    'folders.abilities': () => ({ level: 'put-only', isVersioned: true, keepsMetadata: true, clockSkewMs: 1200, probedAtMs: NOW - 86_400_000 }),
    'folders.why': ({ path }) => ({ path, local: { state: 'unknown', change: null, sizeBytes: 61_000, modifiedMs: NOW }, remote: { state: 'present', change: 'unchanged', sizeBytes: 61_000, storedAtMs: NOW - 86_400_000, problem: null }, skipped: [{ path, side: 'local', reason: 'ignored', detail: '*.tmp in .enfoldignore' }], recent: [], next: { action: null, question: null } }),
    'folders.previewChange': () => changeCost, 'keys.previewRotation': () => ({ nextKeyName: null, folders: [{ ...changeCost, folderId: id('b'), name: 'Documents' }, { ...changeCost, folderId: id('a'), name: 'Photos' }] }),
    'folders.settleTwoVersions': () => null, 'aws.profiles': () => [{ name: 'default', region: 'eu-central-1', isSso: false }, { name: 'work', region: 'us-east-1', isSso: true }],
    'buckets.examine': () => ({ findings: [{ id: 'versioning', severity: 'warning', says: 'The bucket keeps no old versions.', advice: 'With versions, what is deleted by mistake can be brought back.', fix: { says: 'Turn on', isOptional: true } }, { id: 'public-access', severity: 'good', says: 'Nobody outside the account can read it.', advice: null, fix: null }], permissions: [{ action: 's3:DeleteObject', purpose: 'to delete what you delete', isAllowed: false, isEssential: true, isDenied: false }], missing: {} }),
    'buckets.changes': () => [{ id: 1, atMs: NOW - 86_400_000, says: 'turn versioning on', call: 'PutBucketVersioning' }], 'buckets.undo': () => ({ isWhole: true }), 'buckets.applyFix': () => ({ changeId: 2 }), 'buckets.stop': () => null,
    'buckets.previewFix': ({ finding }) => ({ id: finding, says: 'turn versioning on (it can later be suspended, not turned off)', call: 'PutBucketVersioning', before: {}, after: { Status: 'Enabled' }, token: '0'.repeat(64) }),
    'buckets.scan': ({ hasVersions }) => ({ old: hasVersions === true ? { objects: 118, wrong: 9 } : null, totals: [{ protection: 'SSE-S3', key: '', envelope: 'v3', verdict: 'right', reason: '', objects: 4812, bytes: 9_400_000_000 }, { protection: 'SSE-S3', key: '', envelope: '', verdict: 'wrong', reason: 'was not encrypted before it was sent', objects: 2, bytes: 61_000 }], examples: [{ objectKey: 'documents/export-2026-10.csv', versionId: null, protection: 'SSE-S3', reason: 'was not encrypted before it was sent' }, { objectKey: 'documents/notes.txt', versionId: null, protection: 'SSE-S3', reason: 'was not encrypted before it was sent' }], wrong: 2, unknown: 0, estimate: { objects: 2, bytes: 61_000, requests: { heads: 4, writes: 2, kms: 0 }, usd: 0.01, seconds: 1 } }),
    'buckets.previewPolicy': ({ wish }) => ({ call: 'PutBucketPolicy', before: null, after: wish === null ? null : { Version: '2012-10-17', Statement: [{ Sid: 'EnfoldMode1f2e3d4c', Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::ines-archive/photos/*', Condition: { Null: { 's3:x-amz-server-side-encryption': 'true' } } }] }, limits: ['S3 cannot see whether a sealed object is sealed.'], token: '0'.repeat(64) }),
    'buckets.provePolicy': () => ({ probes: [{ kind: 'as the mode asks', expected: 'allowed', answer: '200', isAsExpected: true }, { kind: 'without headers', expected: 'refused', answer: '200', isAsExpected: false }], isProven: false, leftBehind: [] }),
    'buckets.iamPolicy': () => ({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:ListBucket'], Resource: 'arn:aws:s3:::ines-archive' }] }), 'buckets.template': () => ({ text: 'AWSTemplateFormatVersion: "2010-09-09"\nResources:\n  Bucket:\n    Type: AWS::S3::Bucket\n' }),
    'sharing.members': () => [{ id: 'e1'.repeat(16), name: 'Jonas', recipientFingerprint: 'R2LD-94SP-UF7K-M8XA', invitedBy: 'ines-thinkpad', invitedAtMs: NOW - 9 * 86_400_000, expiresAtMs: NOW + 5 * 86_400_000, acceptedAtMs: NOW - 8 * 86_400_000, acceptedOn: 'studio-mac' }, { id: 'e2'.repeat(16), name: 'Mara', recipientFingerprint: null, invitedBy: 'ines-thinkpad', invitedAtMs: NOW, expiresAtMs: NOW + 14 * 86_400_000, acceptedAtMs: null, acceptedOn: null }],
    'sharing.recipient': () => ({ recipient: 'age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq', fingerprint: 'K7QF-2M9D-XA4H-0TRP', code: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><path d="M0 0h1v1H0zM1 1h1v1H1z"/></svg>' }), 'sharing.grants': () => [], 'sharing.needsPassphrase': () => ({ needs: false }),
    'keys.importKit': ({ name }) => ({ ...keys[1]!, name }), 'folders.known': () => [{ id: id('9'), name: 'House', remote: 's3://ines-archive/house/', endpoint: 'https://s3.example.org', region: 'eu-central-1', mode: 'cse-c', fingerprint: 'R2LD-94SP-UF7K-M8XA' }],
    'keys.others': () => [{ name: 'alias/atelier', type: 'kms', usedBy: ['Atelier shared'] }, { name: 'Amazon S3 (ines)', type: 'access', usedBy: ['Documents', 'Photos'] }],
    'kms.keys': () => ({ keys: [{ arn: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab', aliases: ['alias/atelier'] }, { arn: 'arn:aws:kms:eu-central-1:111122223333:key/9876fedc-98fe-76dc-54ba-0987654321fe', aliases: [] }], error: null }), 'kms.create': ({ alias }) => ({ arn: 'arn:aws:kms:eu-central-1:111122223333:key/0', aliases: [`alias/${alias}`] }),
    'keys.create': (input) => { world.keys.push({ ...keys[1]!, keyId: 'a3a3a3a3a3a3a3a3', name: input.name, usedBy: [], createdAtMs: NOW }); return world.keys.at(-1); },
    'keys.exportTo': (input) => { world.keys = world.keys.map((key) => (key.keyId === input.keyId ? { ...key, exportedAtMs: NOW } : key)); return null; },
    'folders.inspect': () => ({ localProblem: null, remoteProblem: null, bucketExists: true, localFiles: 4812, isCustomerKeyBlocked: scene === 'blocked', existing: scene === 'join' ? existing : null }) satisfies InspectView,
    'folders.add': (input) => ({ ...folders[1]!, id: id('8'), name: 'House', localPath: input.localPath }), 'folders.preview': () => preview, 'folders.start': () => null, 'folders.pause': () => null, 'folders.syncNow': () => null, 'folders.remove': () => null,
    'folders.answerHeld': ({ folderId }) => { world.folders = world.folders.map((one) => (one.id === folderId ? { ...one, status: { ...one.status, state: 'up-to-date', held: null } } : one)); emit('changed', 'folders'); return null; },
    'folders.activity': () => activity, 'folders.skipped': () => skipped, 'browse.close': () => null, 'browse.open': ({ directory: inside, past }) => ({ listingId: past !== undefined ? '22222222' : inside === '' ? '00000000' : '11111111' }),
    'trash.list': () => [{ trashId: '2026-11-20/0a1b2c3d4e5f/House/Structural notes.md', path: 'House/Structural notes.md', sizeBytes: 12_000, modifiedMs: NOW - 86_400_000, trashedAtMs: NOW - 3_600_000 }, { trashId: '2026-11-18/1a1b2c3d4e5f/draft-2.tmp.md', path: 'draft-2.tmp.md', sizeBytes: 900, modifiedMs: NOW, trashedAtMs: NOW - 2 * 86_400_000 }],
    'trash.empty': () => ({ removed: 2, bytes: 12_900 }), 'folders.restore': () => ({ restored: 12, bytes: 31_000_000, unchanged: 201, newer: 3, failed: [] }),
    'browse.rows': ({ listingId, text, start, end }) => {
      const found = (listingId === '22222222' ? rows.slice(0, 12).map((one, index): BrowseRow => ({ ...one, past: { now: one.kind === 'directory' ? 'unknown' : index % 3 === 0 ? 'same' : index % 3 === 1 ? 'changed' : 'deleted' } })) : listingId === '00000000' ? [row('House', null, 2, { path: 'House/Plans/', kind: 'directory', isConfirmed: false })] : rows).filter((one) => one.name.toLowerCase().includes(text.toLowerCase())).toSorted((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name, undefined, { numeric: true }));
      return { rows: found.slice(start, end), total: found.length, ofTotal: rows.length, isComplete: true, problem: null };
    },
    'browse.facts': ({ path }) => ({ atMs: NOW, objectKey: path, problem: null, epoch: 1, sizeBytes: 2_400_000, modifiedMs: NOW, sha256: '9f3a61c20b7e44d19f3a61c20b7e44d19f3a61c20b7e44d19f3a61c20b7e44d1', server: { algorithm: 'AES256', kmsKeyId: null, isCustomerKey: false, etag: 'e', versionId: null, objectBytes: 2_400_016, storedAtMs: NOW }, envelope: { format: 'v3', keyFingerprint: 'K7QF-2M9D-XA4H-0TRP', commitment: '9f3a61c20b7e44d19f3a61c20b7e44d1' } }),
    'browse.explain': ({ path }) => ({ words: ['Encrypted before it was sent, in the Amazon S3 Encryption Client\u2019s format V3.', 'The master key Documents key opens it, which is on this computer.'], protection: 'SSE-S3', keyName: 'Documents key', localKey: 'aes', objectKey: path, commands: [{ tool: 'Enfold', lines: ['enfold get s3://ines-archive/documents/plan.pdf --connection ines --key "Documents key" --out plan.pdf'], note: null }, { tool: 'S3 Encryption Client for Java', lines: ['var client = S3EncryptionClient.builderV4().aesKey(key).build();', 'client.getObject(request, ResponseTransformer.toFile(file));'], note: 'master.key holds 32 bytes.' }] }),
    'browse.versions': () => [{ versionId: 'a', isLatest: true, isDeletion: false, atMs: NOW, sizeBytes: 2_400_000 }, { versionId: 'b', isLatest: false, isDeletion: true, atMs: NOW - 86_400_000, sizeBytes: null }, { versionId: 'c', isLatest: false, isDeletion: false, atMs: NOW - 3 * 86_400_000, sizeBytes: 2_300_000 }],
    'preview.open': ({ path }) => ({ token: '0'.repeat(32), kind: /\.md$/.test(path) ? 'text' : 'none', sizeBytes: 12_000, text: /conflict/.test(path) ? '# Quote\n\nWorktop, slate 2.9 m\nSink and tap\n' : /Quote/.test(path) ? '# Quote\n\nWorktop, slate 3.2 m\nSink and tap\n' : '# Structural notes\n\nThe beam above the kitchen carries the stair.\n', isWhole: true }), 'preview.close': () => null, 'browse.rename': () => null, 'browse.makeDirectory': () => null, 'browse.remove': () => null, 'browse.restore': () => null, 'host.dragOut': () => null,
    'browse.download': () => ({ bytes: 2_400_000 }), 'browse.upload': ({ files }) => ({ files: files.length, bytes: 1234 }),
    'host.chooseFolder': () => '/home/ines/Documents/House', 'host.chooseSaveFile': ({ suggestedName }) => `/media/ines/STICK/${suggestedName}`, 'host.chooseOpenFile': () => '/media/ines/STICK/documents-key.enfold-key', 'host.revealLocal': () => null,
  };
  return {
    request: async <N extends RequestName>(name: N, input: RequestInput<N>): Promise<Answer<N>> => {
      const answer = answers[name];
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (answer === undefined) return { ok: false, error: { ...offline, code: 'not-available-yet', says: `${name} is not in this scene.` } };
      return structuredClone({ ok: true, value: answer(input) }) as Answer<N>;
    },
    on: (name, listener) => {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      return () => void set.delete(listener);
    },
    pathsOf: (files) => files.map((file) => `/home/ines/${file.name}`),
  };
}
