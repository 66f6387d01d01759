/** Tests that this machine cannot run are never passed over in silence: said at once, and counted at the end of `npm test`. */
import { appendFileSync } from 'node:fs';

/** @param why - what is missing, and what to do about it. */
export function notRunHere(what: string, why: string): void {
  process.stderr.write(`\n*** NOT RUN HERE: ${what}. ${why} ***\n\n`);
  const { ENFOLD_NOT_RUN } = process.env;
  if (ENFOLD_NOT_RUN !== undefined) appendFileSync(ENFOLD_NOT_RUN, `${what}: ${why}\n`);
}
