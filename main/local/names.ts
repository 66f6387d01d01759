/**
 * Whether a name from a bucket may become a name on this computer. Names are refused and listed, never rewritten: a rewritten
 * name would come back as another file. Pure; the platform is an argument, so that every rule is tested everywhere.
 *
 * @see docs/local.md, "Names"
 */
import { MAX_OBJECT_KEY_BYTES, OWN_DIRECTORY, parseSyncPath, type SyncPath } from '../model/path.ts';
import type { SkipReason } from '../model/snapshot.ts';

/** `portable` is what all three can hold. */
export type NamePlatform = 'linux' | 'darwin' | 'win32' | 'portable';
export type PlannedName =
  | { readonly type: 'ok'; readonly path: SyncPath }
  | { readonly type: 'skip'; readonly reason: SkipReason; readonly detail: string };

const MAX_SEGMENT = 255;
const MAX_DEPTH = 100;

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
/** Turn text around or hide in it; harmless in a document's name, a disguise in a program's. */
const BIDI = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]/;
const PROGRAM = /\.(?:exe|scr|com|bat|cmd|pif|msi|msp|ps1|vbs|vbe|js|jse|wsf|wsh|hta|lnk|url|reg|jar|app|command|desktop|sh|run|appimage|dll|cpl|scf)$/i;
const WINDOWS_CHARACTERS = /[<>:"|?*\\]/;
const WINDOWS_DEVICES = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)(?:[ .:]|$)/i;
/** `PROGRA~1`: names that Windows gives to other files behind the user's back. */
const WINDOWS_SHORT_NAME = /^[^.]{1,6}~[0-9]+(?:\.[^.]{0,3})?$/;
/** Characters that HFS+ leaves out when it compares names. */
const IGNORABLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad]/g;

export function currentPlatform(): NamePlatform {
  return process.platform === 'win32' || process.platform === 'darwin' ? process.platform : 'linux';
}

/**
 * Decides about one name as it came from a bucket (prefix removed, decrypted).
 *
 * @returns the path, or the reason why it must not be created on that platform.
 */
export function planLocalName(name: string, platform: NamePlatform): PlannedName {
  if (!name.isWellFormed()) return skip('name-encoding', 'holds half a character');
  // On every platform, since one that takes `\` for a separator would leave the folder.
  if (name.startsWith('/') || name.startsWith('\\\\')) return skip('name-traversal', 'absolute');
  const inner = name.endsWith('/') ? name.slice(0, -1) : name;
  const separated = inner.split(/[/\\]/);
  if (separated.some((segment) => segment === '.' || segment === '..')) return skip('name-traversal', '. or ..');
  if (CONTROL.test(name)) return skip('name-control', 'holds control characters');
  const path = parseSyncPath(name);
  if (path === null) return skip('name-traversal', 'an empty segment');
  if (Buffer.byteLength(name) > MAX_OBJECT_KEY_BYTES) return skip('name-too-long', `more than ${MAX_OBJECT_KEY_BYTES} bytes`);
  const segments = inner.split('/');
  if (segments.length > MAX_DEPTH) return skip('name-too-long', `more than ${MAX_DEPTH} folders deep`);
  if (isOwnName(segments[0] ?? '')) return skip('own-file', `${OWN_DIRECTORY} is Enfold's own`);
  for (const segment of segments) {
    const refusal = refuseSegment(segment, platform);
    if (refusal !== null) return refusal;
  }
  return { type: 'ok', path };
}

/** The reason alone, for a path that is well formed already. */
export function mayCreate(path: SyncPath, platform: NamePlatform = currentPlatform()): SkipReason | null {
  const planned = planLocalName(path, platform);
  return planned.type === 'ok' ? null : planned.reason;
}

/** Two names with equal keys are one file on that platform; the first by the plan's rule is kept, the others are `name-collision`. */
export function collisionKey(path: SyncPath, platform: NamePlatform = currentPlatform()): string {
  if (platform === 'linux') return path;
  // Upper-casing first folds what lower-casing alone keeps apart (ß and ss, the two sigmas).
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function refuseSegment(segment: string, platform: NamePlatform): PlannedName | null {
  if (lengthOf(segment, platform) > MAX_SEGMENT) return skip('name-too-long', `a name of more than ${MAX_SEGMENT}`);
  if (BIDI.test(segment) && PROGRAM.test(segment)) return skip('name-control', 'a program whose name is written backwards');
  if (platform === 'linux') return null;
  if (platform === 'darwin') return segment.includes(':') ? skip('name-unsupported', 'macOS keeps : for itself') : null;
  // A drive or an alternate stream; anything with a colon would be written somewhere else than it says.
  if (/^[A-Za-z]:/.test(segment)) return skip('name-traversal', 'a drive');
  if (WINDOWS_DEVICES.test(segment)) return skip('name-reserved', 'a device on Windows');
  if (WINDOWS_CHARACTERS.test(segment)) return skip('name-unsupported', 'holds one of < > : " | ? * \\');
  if (segment.endsWith('.') || segment.endsWith(' ')) return skip('name-unsupported', 'ends in a dot or space');
  if (segment.startsWith(' ')) return skip('name-unsupported', 'begins with a space');
  if (WINDOWS_SHORT_NAME.test(segment)) return skip('name-unsupported', 'looks like a short name of another file');
  return null;
}

/** `.enfold` under every disguise that some file system takes for the same name. */
function isOwnName(segment: string): boolean {
  const plain = segment.normalize('NFKC').replaceAll(IGNORABLE, '').toLowerCase().replace(/[. ]+$/, '');
  return plain === OWN_DIRECTORY || /^enfold~[0-9]+$/.test(plain);
}

function lengthOf(segment: string, platform: NamePlatform): number {
  if (platform === 'win32') return segment.length;
  return Buffer.byteLength(segment);
}

function skip(reason: SkipReason, detail: string): PlannedName {
  return { type: 'skip', reason, detail };
}
