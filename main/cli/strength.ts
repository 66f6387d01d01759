/** How hard a passphrase is to guess, as a hint: a meter, never a rule. */
export type Strength = 'weak' | 'fair' | 'strong';

/** From the variety of characters and words; a file that somebody has can be tried a few hundred times a second at most. */
export function strengthOf(passphrase: string): Strength {
  const words = passphrase.trim().split(/[\s_-]+/).filter((word) => word.length > 2);
  const distinct = new Set(passphrase).size;
  const alphabet = (/[a-z]/.test(passphrase) ? 26 : 0) + (/[A-Z]/.test(passphrase) ? 26 : 0) + (/[0-9]/.test(passphrase) ? 10 : 0) + (/[^a-zA-Z0-9]/.test(passphrase) ? 20 : 0);
  // What repeats says little; a word from a list is worth some 12 bits however long it is.
  const byCharacters = Math.min(passphrase.length, distinct * 2) * Math.log2(Math.max(alphabet, 2));
  const bits = words.length >= 3 ? Math.min(byCharacters, new Set(words.map((word) => word.toLowerCase())).size * 12.9) : byCharacters * 0.7;
  return bits < 40 ? 'weak' : bits < 60 ? 'fair' : 'strong';
}
