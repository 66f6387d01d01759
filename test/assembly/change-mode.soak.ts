/** All thirty ways from one mode to another. */
import { afterAll, beforeAll } from 'vitest';
import { startBuiltInPlace, type BuiltInPlace } from '../helpers/built-in-place.ts';
import { makeScratch } from '../helpers/cli.ts';
import { testTransitions, TRANSITIONS } from './change-mode.contract.ts';

const scratch = makeScratch();
let place: BuiltInPlace;
beforeAll(async () => {
  place = await startBuiltInPlace(scratch.dir);
});
afterAll(async () => {
  await place.stop();
  scratch.remove();
});

testTransitions(TRANSITIONS, () => ({ ...place, scratch: scratch.dir }));
