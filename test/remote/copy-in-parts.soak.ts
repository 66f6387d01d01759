/** Copies in parts of an object that is really too large for one copy: a little more than 5 GiB. */
import { CHANGES, testCopiesInParts, useCopyPlace } from './copy-in-parts.contract.ts';

const { copyPlace } = useCopyPlace();

testCopiesInParts(CHANGES, copyPlace, { objectBytes: Math.floor(5.2 * 1024 ** 3) });
