/** Where a test's computers keep their secrets: values for the environment of a command, or for `openEnfold`. */
import { notRunHere } from './not-run-here.ts';

export const PASSPHRASE = 'a passphrase for tests';

export const IN_KEY_FILE: Readonly<Record<string, string | undefined>> = { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: PASSPHRASE };

export const IN_KEYCHAIN: Readonly<Record<string, string | undefined>> = { ENFOLD_KEYCHAIN: undefined, ENFOLD_PASSPHRASE: undefined };

/** Whether a keychain is there that is a test's to write into; where not, that is said, and counted by `npm test`. */
export function hasThrowAwayKeychain(): boolean {
  const isThere = process.env['ENFOLD_THROW_AWAY_KEYCHAIN'] === '1';
  if (!isThere) notRunHere('secrets in a real keychain', 'Start the tests with scripts/with.mjs --desktop, which makes one of its own.');
  return isThere;
}

/**
 * The throw-away keychain of `scripts/with.mjs --desktop`, where most people keep theirs; each home has an item of its own in it. Without it a key
 * file, which costs every command that opens it 0.2 s of scrypt.
 */
export const IN_ANY_STORE = process.env['ENFOLD_THROW_AWAY_KEYCHAIN'] === '1' ? IN_KEYCHAIN : IN_KEY_FILE;
