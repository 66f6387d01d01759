/** What a server was found to enforce, in words. */
import type { Capabilities } from '../remote/capabilities.ts';

const LEVELS: Readonly<Record<Capabilities['level'], string>> = {
  full: 'guards against two computers writing at the same moment',
  'put-only': 'guards against two computers writing at the same moment, but not deleting; Enfold looks before it deletes',
  'versioned-only': 'cannot guard against simultaneous writes, but keeps old versions; Enfold looks before it writes',
  none: 'cannot guard against simultaneous writes; versioning is recommended. Enfold looks before it writes and keeps both of two versions',
};

export function serverWords(capabilities: Capabilities | null): string {
  return capabilities === null ? 'not tried yet; the first upload finds out' : LEVELS[capabilities.level];
}
