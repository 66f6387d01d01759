/** Random tests begin where ENFOLD_SEED says, so that a run can be repeated; without it each run tries something new. */
import { configureGlobal } from 'fast-check';

const { ENFOLD_SEED } = process.env;
if (ENFOLD_SEED !== undefined && ENFOLD_SEED !== '') configureGlobal({ seed: Number(ENFOLD_SEED) });
