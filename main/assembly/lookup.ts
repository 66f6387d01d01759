/** Things are named by people: by id, by a unique start of the id, or by name. */
import { SyncError, type ErrorCode } from '../model/errors.ts';

const MIN_PREFIX = 4;

/**
 * @param idOf - the id, in lower case.
 * @throws SyncError `missing` where nothing fits, bad-usage where more than one does
 */
export function findNamed<T>(items: readonly T[], wanted: string, idOf: (item: T) => string, nameOf: (item: T) => string, missing: ErrorCode): T {
  const byId = items.find((item) => idOf(item) === wanted);
  if (byId !== undefined) return byId;
  const byName = items.find((item) => nameOf(item) === wanted) ?? items.find((item) => nameOf(item).toLowerCase() === wanted.toLowerCase());
  if (byName !== undefined) return byName;
  const byStart = wanted.length < MIN_PREFIX || !/^[0-9a-f]+$/i.test(wanted) ? [] : items.filter((item) => idOf(item).startsWith(wanted.toLowerCase()));
  if (byStart.length > 1) throw new SyncError('bad-usage', { detail: `${wanted} is the start of ${byStart.length} ids` });
  const [only] = byStart;
  if (only === undefined) throw new SyncError(missing, { detail: wanted });
  return only;
}

/** A name that people can type and terminals can show. @throws SyncError bad-usage */
export function checkName(name: string): string {
  const trimmed = name.trim();
  // eslint-disable-next-line no-control-regex -- exactly these are refused
  if (trimmed === '' || trimmed.length > 200 || /[\u0000-\u001f\u007f-\u009f]/.test(trimmed)) throw new SyncError('bad-usage', { detail: 'a name has 1 to 200 characters and no control characters' });
  return trimmed;
}
